package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// TestKilledBesideStockInOneSecond is TestKilledBesideStock with times in whole seconds.
// The stock plugin releases and leases the same addresses, usually within the second of the
// kill, so that its files get the inode numbers and times of deleted ones.
func TestKilledBesideStockInOneSecond(t *testing.T) {
	if !ptracer.Supported {
		t.Skip("the tracer is for Linux on amd64")
	}
	const del, gc = "DEL and ADD of it", "GC that releases it, and its ADD"
	stride := 3
	if faulttest.Exhaustive() {
		stride = 1
	}
	for _, k := range killCases(t)[:2] { // After a reboot no lease is from this second.
		k.size = 3 // stock must lease the same addresses again
		for _, i := range stockSteps() {
			if !slices.Contains([]string{del, gc}, i.name) {
				continue
			}
			t.Run(k.name+", "+i.name, func(t *testing.T) {
				dir := coarseDisk(t)
				for n, done := 1, false; !done; n += stride {
					time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
					s := k.setUp(t, filepath.Join(dir, strconv.Itoa(n)))
					call := s.kill(t, n)
					done = call == nil
					require.NoError(t, i.do(s), "killed at %+v", call)
					require.NoError(t, s.check(t), "killed at %+v", call)
				}
			})
		}
	}
}

// coarseDisk mounts ext4 with inodes of 128 bytes.
func coarseDisk(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: it mounts a file system")
	}
	faulttest.RequirePrograms(t, "mkfs.ext4", "mount", "umount")
	image, dir := filepath.Join(t.TempDir(), "image"), t.TempDir()
	require.NoError(t, os.WriteFile(image, nil, 0o600))
	require.NoError(t, os.Truncate(image, 16<<20))
	faulttest.Run(t, "mkfs.ext4", "-q", "-I", "128", image)
	if out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput(); err != nil {
		t.Skipf("needs CAP_SYS_ADMIN and a loop device: %s", out)
	}
	t.Cleanup(func() { faulttest.Run(t, "umount", dir) })
	return dir
}
