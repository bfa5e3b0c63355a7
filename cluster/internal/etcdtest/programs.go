package etcdtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// Root returns the directory of the whole repository.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, ".ci", "etcd", "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no .ci/etcd here or above")
		}
		dir = parent
	}
}

// built has the programs that were built for the tests of a package.
var built struct {
	sync.Mutex
	paths map[string]string
}

// Program returns the path of a program of etcd: etcd, etcdctl or etcdutl. It is built when it is
// first asked for, which takes a minute on a machine that has not built it before. If LEASEHOLD_ETCD is
// in the environment, it names a directory with programs of another version.
func Program(t testing.TB, name string) string {
	t.Helper()
	if dir := os.Getenv("LEASEHOLD_ETCD"); dir != "" {
		return filepath.Join(dir, name)
	}
	built.Lock()
	defer built.Unlock()
	if built.paths[name] == "" {
		path, err := build(name)
		if err != nil {
			t.Fatal(err)
		}
		if built.paths == nil {
			built.paths = map[string]string{}
		}
		built.paths[name] = path
	}
	return built.paths[name]
}

func build(name string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(root, ".ci", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(bin, ".etcd.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close() // This ends the lock; nothing was written.
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	packages := map[string]string{"etcd": "server", "etcdctl": "etcdctl", "etcdutl": "etcdutl"}
	path := filepath.Join(bin, name)
	cmd := exec.Command("go", "-C", filepath.Join(root, ".ci", "etcd"), "build", "-buildvcs=false",
		"-ldflags", "-s -w", "-o", path, "go.etcd.io/etcd/"+packages[name]+"/v3")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return path, nil
}
