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
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Program is an executable file.
type Program struct {
	Name    string
	Path    string
	Version string
}

// ErrNoCompiler: there is no C compiler on this machine.
var ErrNoCompiler = errors.New("neither cc nor gcc is installed")

// A Builder puts executable files into Dir. It has to be used within the module
// of bench/compare.
type Builder struct {
	Dir string
}

// Packages of the programs.
const (
	module = "github.com/leasehold/leasehold"
	stock  = "github.com/containernetworking/plugins/plugins/ipam/host-local"
	empty  = module + "/bench/compare/empty"
)

// Leasehold builds this project's host-local.
//
// It is built within its own module, and not through the go.mod of bench/compare,
// in which the stock plugin could raise the versions of what both depend on.
func (b Builder) Leasehold(ctx context.Context) (Program, error) {
	dir, err := output(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module)
	if err != nil {
		return Program{}, err
	}
	return b.build(ctx, "leasehold", "./cmd/host-local", "-C", dir)
}

// Stock builds the CNI project's host-local.
func (b Builder) Stock(ctx context.Context) (Program, error) { return b.build(ctx, "stock", stock) }

// EmptyGo builds a Go program that does nothing.
func (b Builder) EmptyGo(ctx context.Context) (Program, error) {
	return b.build(ctx, "empty-go", empty)
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
