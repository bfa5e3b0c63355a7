// Package peers is what is compared: the plugins as programs that work on stores, programs
// that do nothing, and the libraries that can be linked.
//
// Every answer is checked: the addresses that an ADD must give are predicted, and after the
// rounds a store must hold exactly what was acknowledged. So no peer can be fast by doing
// something else; the first unexpected answer ends the comparison.
package peers

import (
	"cmp"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/leasehold/leasehold/internal/measure"
)

// A Program is an executable file. Without a path it was not built.
type Program struct{ Name, Path, Version string }

// Programs are all programs of the comparison.
type Programs struct {
	Stock, Leasehold, EmptyGo, Before Program

	Bench, BenchBefore Program // the benchmarks of package bench
	Peak, Slow         Program
}

const (
	module  = "github.com/leasehold/leasehold"
	compare = module + "/bench/compare"
	plugin  = "./cmd/host-local" // in the module leasehold
	bench   = "./bench"          // the same
	stock   = "github.com/containernetworking/plugins/plugins/ipam/host-local"
)

// Build builds all programs into dir, from within the module of bench/compare. All Go programs
// are built by one compiler with the flags of the Makefile. go.mod has the version of the
// stock plugin. Unless before is empty, it is the directory of another version of leasehold.
func Build(ctx context.Context, dir, before string) (p Programs, err error) {
	b := builder{ctx: ctx, dir: dir}
	source := b.output("go", "list", "-m", "-f", "{{.Dir}}", module)
	p.Stock = b.goProgram("stock", stock, "build")
	// Ours is built within its own module: in the module bench/compare the stock plugin could
	// raise the versions of what both depend on.
	p.Leasehold = b.goProgram("leasehold", plugin, "build", "-C", source)
	p.Leasehold.Version += b.commit(source)
	p.Bench = b.goProgram("bench", bench, "test", "-C", source, "-c")
	if before != "" {
		p.Before = b.goProgram("before", plugin, "build", "-C", before)
		p.Before.Version += b.commit(before)
		p.BenchBefore = b.goProgram("bench-before", bench, "test", "-C", before, "-c")
	}
	p.EmptyGo = b.goProgram(EmptyGo, compare+"/empty", "build")
	p.Peak = b.goProgram("peak", compare+"/peak", "build")
	p.Slow = b.goProgram("slow", compare+"/slow", "build")
	return p, b.err
}

// Config returns the versions.
func (p Programs) Config() [][2]string {
	var all [][2]string
	for _, one := range []Program{p.Stock, p.Leasehold, p.EmptyGo, p.Before} {
		if one.Name != "" {
			all = append(all, [2]string{one.Name, one.Version})
		}
	}
	return all
}

// Linked returns the benchmarks of which one measures a peer, or the zero Program.
func (p Programs) Linked(peer string) Program {
	if peer == BoltBefore {
		return p.BenchBefore
	}
	return p.Bench
}

// Allocate runs a benchmark in which goroutines share a store below dir, and returns how many
// leases were acquired and released in a second, of n.
func (p Programs) Allocate(peer, dir string, goroutines, n int) (rate float64, err error) {
	store := strings.TrimSuffix(peer, "-before")
	run, err := measure.Command{
		Path: p.Linked(peer).Path,
		Args: []string{
			"-test.run=^$", fmt.Sprintf("-test.benchtime=%dx", n),
			fmt.Sprintf("-test.bench=^BenchmarkAllocate$/^store=%s$/^goroutines=%d$", store, goroutines),
		},
		Env: []string{"TMPDIR=" + dir},
	}.Do()
	if err != nil {
		return 0, err
	}
	lines := benchfmt.NewReader(strings.NewReader(run.Output), peer)
	for lines.Scan() {
		if result, ok := lines.Result().(*benchfmt.Result); ok {
			seconds, _ := result.Value("sec/op") // every benchmark has it
			return 1 / seconds, nil
		}
	}
	return 0, fmt.Errorf("no benchmark of %s: %s", peer, run.Output)
}

// A builder builds programs into dir. After an error it builds nothing more.
type builder struct {
	ctx context.Context
	dir string
	err error
}

// goProgram compiles a package by a command of go, of which -C must be the first flag. The version
// is the one of the main module and, if it links bbolt, of that.
func (b *builder) goProgram(name, pkg string, command ...string) Program {
	path := filepath.Join(b.dir, name)
	b.output("go", append(command, "-trimpath", "-ldflags", "-s -w", "-o", path, pkg)...)
	if b.err != nil {
		return Program{}
	}
	if b.err = copyInPlace(path); b.err != nil {
		return Program{}
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		b.err = err
		return Program{}
	}
	version := info.Main.Path + " " + cmp.Or(info.Main.Version, "(devel)")
	for _, dep := range info.Deps {
		if dep.Path == "go.etcd.io/bbolt" {
			version += ", bbolt " + dep.Version
		}
	}
	return Program{name, path, version}
}

// commit returns the commit of the sources, and whether they have changed since. Sources
// without git have none.
func (b *builder) commit(source string) string {
	git := builder{ctx: b.ctx}
	text := git.output("git", "-C", source, "describe", "--always", "--dirty=, changed since")
	if git.err != nil {
		return ""
	}
	return ", commit " + text
}

// copyInPlace replaces a program that was just linked by a copy, as an installation does. The linker fills the
// page cache page by page, and mapping the program from there takes longer than mapping what was written in
// large pieces: a whole ADD takes up to 1.1 times as long.
func copyInPlace(path string) error {
	program, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	installed := path + ".installed"
	if err := os.WriteFile(installed, program, 0o755); err != nil {
		return err
	}
	return os.Rename(installed, path)
}

// output returns what a command wrote, without the last line break.
func (b *builder) output(name string, args ...string) string {
	if b.err != nil {
		return ""
	}
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%s: %w\n%s", cmd, err, exit.Stderr)
	}
	b.err = err
	return strings.TrimSpace(string(out))
}
