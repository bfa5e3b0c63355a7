package realcut

import (
	"os"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/faulttest"
)

func TestMain(m *testing.M) { os.Exit(faulttest.MainWithMounts(m)) }

// fileSystems lists widely used file systems that support FS_IOC_SHUTDOWN.
func fileSystems() []string { return []string{"ext4", "xfs"} }

// A disk is a mounted file system whose power can be cut.
type disk struct {
	t     *testing.T
	image faulttest.Image
	dir   string // where it is mounted
}

func newDisk(t *testing.T, kind string) *disk {
	t.Helper()
	const size = 320 << 20 // xfs takes 300 MB
	d := &disk{t, faulttest.NewImage(t, kind, size), t.TempDir()}
	d.image.Mount(t, d.dir)
	t.Cleanup(func() {
		_ = unix.Unmount(d.dir, unix.MNT_DETACH) // After a failure it may not be mounted.
	})
	return d
}

// cut cuts the power.
func (d *disk) cut() {
	d.t.Helper()
	f, err := os.Open(d.dir)
	require.NoError(d.t, err)
	defer f.Close()
	const shutdown, noLogFlush = 0x8004587d, 2 // FS_IOC_SHUTDOWN: _IOR('X', 125, __u32)
	how := uint32(noLogFlush)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&how)))
	require.Zero(d.t, errno, "shut down %s: %v", d.dir, errno)
}

// restore restores the power. No process may use the disk at this time.
func (d *disk) restore() {
	d.t.Helper()
	require.NoError(d.t, unix.Unmount(d.dir, 0))
	d.image.Mount(d.t, d.dir)
}

// syncAll makes everything on the disk durable.
func (d *disk) syncAll() {
	d.t.Helper()
	f, err := os.Open(d.dir)
	require.NoError(d.t, err)
	defer f.Close()
	require.NoError(d.t, unix.Syncfs(int(f.Fd())))
}
