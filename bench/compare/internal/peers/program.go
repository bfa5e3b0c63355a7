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
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A Program is an executable file. Without a path it could not be built here, and Version
// says why.
type Program struct{ Name, Path, Version string }

// Programs are all programs of the comparison.
type Programs struct{ Stock, Leasehold, Polling, EmptyGo, EmptyC, Peak, Slow Program }

const (
	module  = "github.com/leasehold/leasehold"
	compare = module + "/bench/compare"
	plugin  = "./cmd/host-local" // in the module leasehold
	stock   = "github.com/containernetworking/plugins/plugins/ipam/host-local"
)

// Build builds all programs into dir, from within the module of bench/compare. All Go programs
// are built by one compiler with the flags of the Makefile. go.mod has the version of the
// stock plugin.
func Build(ctx context.Context, dir string) (p Programs, err error) {
	b := builder{ctx: ctx, dir: dir}
	source := b.output("go", "list", "-m", "-f", "{{.Dir}}", module)
	p.Stock = b.goProgram("stock", stock)
	// Ours is built within its own module: in the module bench/compare the stock plugin could
	// raise the versions of what both depend on.
	p.Leasehold = b.goProgram("leasehold", plugin, "-C", source)
	p.Leasehold.Version += b.commit(source)
	p.Polling = b.goProgram("polling", plugin, "-C", source, "-overlay", b.overlay(source))
	p.Polling.Version += b.commit(source) + ", polling for the lock as bbolt does"
	p.EmptyGo = b.goProgram(EmptyGo, compare+"/empty")
	p.EmptyC = b.emptyC()
	p.Slow.Version = "not measured: it needs Linux"
	if runtime.GOOS == "linux" {
		p.Peak = b.goProgram("peak", compare+"/peak")
		p.Slow = b.goProgram("slow", compare+"/slow")
	}
	return p, b.err
}

// Config returns the versions.
func (p Programs) Config() [][2]string {
	var all [][2]string
	for _, one := range []Program{p.Stock, p.Leasehold, p.Polling, p.EmptyGo, p.EmptyC} {
		all = append(all, [2]string{one.Name, one.Version})
	}
	return all
}

// A builder builds programs into dir. After an error it builds nothing more.
type builder struct {
	ctx context.Context
	dir string
	err error
}

// goProgram compiles a package. The flags are for go build; -C must be the first.
func (b *builder) goProgram(name, pkg string, flags ...string) Program {
	path := filepath.Join(b.dir, name)
	args := append([]string{"build"}, flags...)
	b.output("go", append(args, "-trimpath", "-ldflags", "-s -w", "-o", path, pkg)...)
	return Program{name, path, b.version(path)}
}

// version returns the version of an executable's main module and, if it links bbolt, of that.
func (b *builder) version(path string) string {
	if b.err != nil {
		return ""
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		b.err = err
		return ""
	}
	version := info.Main.Path + " " + cmp.Or(info.Main.Version, "(devel)")
	for _, dep := range info.Deps {
		if dep.Path == "go.etcd.io/bbolt" {
			version += ", bbolt " + dep.Version
		}
	}
	return version
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

// overlay writes a file for go build that replaces leasehold's package flock with
// [github.com/leasehold/leasehold/bench/compare/internal/flock].
func (b *builder) overlay(source string) (path string) {
	substitute := b.output("go", "list", "-f", "{{.Dir}}", compare+"/internal/flock")
	old, err := filepath.Glob(filepath.Join(source, "internal", "flock", "*.go"))
	if b.err != nil || err != nil {
		b.err = cmp.Or(b.err, err)
		return ""
	}
	replace := make(map[string]string)
	for _, name := range old {
		replace[name] = "" // as if it did not exist
	}
	replace[filepath.Join(source, "internal", "flock", "flock.go")] = filepath.Join(substitute, "flock.go")
	path = filepath.Join(b.dir, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	b.err = err
	return path
}

// emptyC builds a C program that does nothing. Without a compiler the comparison goes on
// without it.
func (b *builder) emptyC() Program {
	cc, err := exec.LookPath("cc")
	if err != nil {
		cc, err = exec.LookPath("gcc")
	}
	if err != nil {
		return Program{Name: EmptyC, Version: "not measured: neither cc nor gcc is installed"}
	}
	version, _, _ := strings.Cut(b.output(cc, "--version"), "\n")
	source, path := filepath.Join(b.dir, "empty.c"), filepath.Join(b.dir, EmptyC)
	if err := os.WriteFile(source, []byte("int main(void) { return 0; }\n"), 0o600); b.err == nil {
		b.err = err
	}
	b.output(cc, "-O2", "-o", path, source)
	return Program{EmptyC, path, version}
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
