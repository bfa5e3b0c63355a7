// Package program builds the programs that are compared.
//
// All Go programs are built by the same compiler with the same flags, which are
// those of the build target of the Makefile. The stock plugin comes from the
// module that go.mod names, so that go.sum says what is measured.
package program

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

// A Program is an executable file.
type Program struct {
	Name    string
	Path    string
	Version string
}

// What a machine can lack. The comparison goes on without.
var (
	ErrNoCompiler = errors.New("neither cc nor gcc is installed")
	ErrNotLinux   = errors.New("measured on Linux only")
)

// A Builder puts executable files into Dir. It has to be used within the module
// of bench/compare.
type Builder struct {
	Dir string
}

// Packages of the programs.
const (
	module  = "github.com/leasehold/leasehold"
	plugin  = "./cmd/host-local" // in that module
	stock   = "github.com/containernetworking/plugins/plugins/ipam/host-local"
	empty   = module + "/bench/compare/empty"
	peak    = module + "/bench/compare/peak"
	polling = module + "/bench/compare/internal/polling/flock"
)

// Leasehold builds this project's host-local.
//
// It is built within its own module, and not through the go.mod of bench/compare,
// in which the stock plugin could raise the versions of what both depend on.
func (b Builder) Leasehold(ctx context.Context) (Program, error) {
	dir, err := moduleDir(ctx)
	if err != nil {
		return Program{}, err
	}
	p, err := b.build(ctx, "leasehold", plugin, "-C", dir)
	p.Version += revision(ctx, dir)
	return p, err
}

// Polling builds the same, but for how it waits for the lock of a store: as bbolt does
// when nobody has locked the file before it.
func (b Builder) Polling(ctx context.Context) (Program, error) {
	dir, err := moduleDir(ctx)
	if err != nil {
		return Program{}, err
	}
	overlay, err := b.overlay(ctx, dir)
	if err != nil {
		return Program{}, err
	}
	p, err := b.build(ctx, "polling", plugin, "-C", dir, "-overlay", overlay)
	p.Version += revision(ctx, dir) + ", with bbolt's way to wait for a lock"
	return p, err
}

// overlay writes a file for go build that puts one package in the place of another.
func (b Builder) overlay(ctx context.Context, dir string) (path string, err error) {
	substitute, err := output(ctx, "go", "list", "-f", "{{.Dir}}", polling)
	if err != nil {
		return "", err
	}
	replace := make(map[string]string)
	old := filepath.Join(dir, "internal", "flock")
	sources, err := filepath.Glob(filepath.Join(old, "*.go"))
	if err != nil {
		return "", err
	}
	for _, name := range sources {
		replace[name] = "" // as if it were not there
	}
	replace[filepath.Join(old, "flock.go")] = filepath.Join(substitute, "flock.go")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path = filepath.Join(b.Dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}

func moduleDir(ctx context.Context) (string, error) {
	return output(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module)
}

// revision says which commit the sources are of, and whether they have been changed
// since. Sources that did not come by git have none.
func revision(ctx context.Context, dir string) string {
	commit, err := output(ctx, "git", "-C", dir, "describe", "--always", "--dirty=, changed since")
	if err != nil {
		return ""
	}
	return ", commit " + commit
}

// Stock builds the CNI project's host-local.
func (b Builder) Stock(ctx context.Context) (Program, error) { return b.build(ctx, "stock", stock) }

// EmptyGo builds a Go program that does nothing.
func (b Builder) EmptyGo(ctx context.Context) (Program, error) {
	return b.build(ctx, "empty-go", empty)
}

// Peak builds the program that tells how much memory another one needs, or returns
// [ErrNotLinux].
func (b Builder) Peak(ctx context.Context) (Program, error) {
	if runtime.GOOS != "linux" {
		return Program{}, ErrNotLinux
	}
	return b.build(ctx, "peak", peak)
}

// build compiles a package; flags come first among those of go build, as -C must.
func (b Builder) build(ctx context.Context, name, pkg string, flags ...string) (Program, error) {
	path := filepath.Join(b.Dir, name)
	args := append([]string{"build"}, flags...)
	args = append(args, "-trimpath", "-ldflags", "-s -w", "-o", path, pkg)
	if _, err := output(ctx, "go", args...); err != nil {
		return Program{}, err
	}
	version, err := goVersion(path)
	return Program{Name: name, Path: path, Version: version}, err
}

// goVersion returns what an executable file says of its module, and of bbolt where
// that is in it.
func goVersion(path string) (string, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return "", err
	}
	version := info.Main.Path + " " + cmp.Or(info.Main.Version, "(devel)")
	for _, dep := range info.Deps {
		if dep.Path == "go.etcd.io/bbolt" {
			version += ", bbolt " + dep.Version
		}
	}
	return version, nil
}

// EmptyC builds a C program that does nothing, or returns [ErrNoCompiler].
func (b Builder) EmptyC(ctx context.Context) (Program, error) {
	cc, err := compiler()
	if err != nil {
		return Program{}, err
	}
	version, err := output(ctx, cc, "--version")
	if err != nil {
		return Program{}, err
	}
	version, _, _ = strings.Cut(version, "\n")
	source := filepath.Join(b.Dir, "empty.c")
	if err := os.WriteFile(source, []byte("int main(void) { return 0; }\n"), 0o600); err != nil {
		return Program{}, err
	}
	path := filepath.Join(b.Dir, "empty-c")
	_, err = output(ctx, cc, "-O2", "-o", path, source)
	return Program{Name: "empty-c", Path: path, Version: version}, err
}

func compiler() (string, error) {
	for _, name := range []string{"cc", "gcc"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoCompiler
}

// output returns what a command wrote, without the last line break.
func output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}
