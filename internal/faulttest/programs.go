package faulttest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// Exhaustive reports whether the tests should try everything, however long it takes.
func Exhaustive() bool { return os.Getenv("LEASEHOLD_EXHAUSTIVE") != "" }

// System skips a system test with -short, which promises less than a minute: the programs
// are built, and run as processes many times. With LEASEHOLD_SYSTEM in the environment the
// test runs in spite of -short, reduced: the race detector's step of .ci/run does that.
// Helpers that start programs or mount file systems call it.
func System(t testing.TB) {
	t.Helper()
	if testing.Short() && os.Getenv("LEASEHOLD_SYSTEM") == "" {
		t.Skip("with -short: it runs the programs as processes, many times")
	}
}

// Seed returns and logs a seed for what a test does at random. LEASEHOLD_SEED in the
// environment replays one.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(rand.Uint32())
	if text := os.Getenv("LEASEHOLD_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal("LEASEHOLD_SEED:", err)
		}
	}
	t.Logf("seed %d", seed)
	return seed
}

// Programs are the paths of the built programs.
type Programs struct {
	HostLocal string // the plugin
	Leasehold string // the tool
}

// Build builds the programs into dir, with the given patches applied.
func Build(dir string, patches ...Patch) (Programs, error) {
	err := build(dir, patches, "build", "-o", dir+string(filepath.Separator), "./cmd/host-local", "./cmd/leasehold")
	return Programs{filepath.Join(dir, "host-local"), filepath.Join(dir, "leasehold")}, err
}

// BuildTest builds the tests of a package into dir, with the given patches applied, and returns
// the path of that program.
func BuildTest(dir, pkg string, patches ...Patch) (string, error) {
	path := filepath.Join(dir, "tests")
	return path, build(dir, patches, "test", "-c", "-o", path, pkg)
}

// build runs the go command, whose last arguments are packages.
func build(dir string, patches []Patch, command string, args ...string) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	all := []string{command, "-ldflags", "-s -w"} // linking takes half the time
	if len(patches) > 0 {
		overlay, err := plant(root, dir, patches)
		if err != nil {
			return err
		}
		all = append(all, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(all, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", command, err, out)
	}
	return nil
}

// moduleRoot returns the root directory of the module. The working directory may be in a
// nested module.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "cmd", "host-local", "main.go")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no cmd/host-local here or above")
		}
		dir = parent
	}
}

// shared holds the programs that the tests of a package share.
var shared struct {
	dir  string
	once sync.Once
	Programs
	err error
}

// Main runs the tests of a package that calls [Shared]. TestMain calls it.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "leasehold-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) // What is left is in the directory for temporary files.
	shared.dir = dir
	return m.Run()
}

// Shared returns the programs without faults, built once per test binary. It makes the test
// a [System] test.
func Shared(t testing.TB) Programs {
	t.Helper()
	System(t)
	shared.once.Do(func() { shared.Programs, shared.err = Build(shared.dir) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.Programs
}

// Dir returns a temporary directory, in memory where possible, so that the test does not
// depend on how long a sync takes.
func Dir(t testing.TB) string {
	t.Helper()
	if info, err := os.Stat("/dev/shm"); err != nil || !info.IsDir() {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "leasehold-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
