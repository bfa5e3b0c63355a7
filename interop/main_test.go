package interop

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	// go test reruns cached tests only if a package linked into them has changed.
	_ "github.com/leasehold/leasehold/internal/hostlocal"
)

// bin is the directory of the executables. Both plugins must be called host-local, because
// bridge looks for this name, so each is in its own directory.
var bin string

var seed = flag.Uint64("seed", 0, "seed of the random histories; 0 picks one")

const (
	stockPlugins = "github.com/containernetworking/plugins/plugins/"

	// olderVersion is the last version of the stock plugins without GC. It is in use, and
	// accepts configurations that its successor rejects.
	olderVersion = "v1.9.1"
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// An error only leaves temporary files behind.
	defer os.RemoveAll(dir)
	if err := buildAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	bin = dir
	return m.Run()
}

func buildAll(dir string) error {
	for sub, packages := range map[string][]string{
		"stock": {stockPlugins + "ipam/host-local"},
		"ours":  {"github.com/leasehold/leasehold/cmd/host-local"},
		"main":  mainPackages(),
	} {
		if err := build(".", filepath.Join(dir, sub), packages); err != nil {
			return err
		}
	}
	// The tools link packages that this module does not require.
	if err := build("..", filepath.Join(dir, "tools"), []string{"./cmd/cnitool", "./cmd/leasehold"}); err != nil {
		return err
	}
	if containerdWanted() != "" {
		if err := installContainerd(filepath.Join(dir, "containerd")); err != nil {
			return err
		}
	}
	return install(filepath.Join(dir, olderVersion), stockPlugins+"ipam/host-local@"+olderVersion)
}

// mainPlugins returns the Linux plugins that call an IPAM plugin.
func mainPlugins() []string {
	return []string{"bridge", "dummy", "host-device", "ipvlan", "macvlan", "ptp", "tap", "vlan"}
}

func mainPackages() []string {
	packages := []string{stockPlugins + "main/loopback"}
	for _, name := range mainPlugins() {
		packages = append(packages, stockPlugins+"main/"+name)
	}
	return packages
}

// build builds packages of a module into a directory.
func build(module, dir string, packages []string) error {
	return goCommand(module, nil, append([]string{"build", "-o", dir + string(filepath.Separator)}, packages...)...)
}

// install builds another version of a package than this module's go.mod requires.
func install(dir, pkg string) error {
	return goCommand(".", []string{"GOBIN=" + dir}, "install", pkg)
}

func goCommand(module string, environ []string, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir = module
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), environ...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %v: %w\n%s", args, err, out)
	}
	return nil
}

// rounds returns n, or half of it in a short run.
func rounds(n int) int {
	if testing.Short() {
		return n / 2
	}
	return n
}
