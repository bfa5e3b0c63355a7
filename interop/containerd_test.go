package interop

import (
	"os"
	"path/filepath"
)

// Tested together with crun 1.8.1 and busybox-static 1.35.0 of Debian 12.
const (
	containerdVersion = "v2.4.2"
	crictlVersion     = "v1.37.0"
)

// containerdWanted returns LEASEHOLD_CONTAINERD: a directory with the executables, or any
// other value to build them.
func containerdWanted() string { return os.Getenv("LEASEHOLD_CONTAINERD") }

// installContainerd installs containerd and crictl in a directory.
func installContainerd(dir string) error {
	if given := containerdWanted(); filepath.IsAbs(given) {
		return os.Symlink(given, dir)
	}
	const containerd = "github.com/containerd/containerd/v2/cmd/"
	for _, pkg := range []string{
		containerd + "containerd@" + containerdVersion,
		containerd + "containerd-shim-runc-v2@" + containerdVersion,
		containerd + "ctr@" + containerdVersion,
		"sigs.k8s.io/cri-tools/cmd/crictl@" + crictlVersion,
	} {
		if err := install(dir, pkg); err != nil {
			return err
		}
	}
	return nil
}
