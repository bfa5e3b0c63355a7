package realcut

import (
	"os"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/faulttest"
)

func TestMain(m *testing.M) { os.Exit(faulttest.MainWithMounts(m)) }

// btrfs has no FS_IOC_SHUTDOWN, unless the kernel has its experimental parts.
const btrfs = "btrfs"

// fileSystems lists the file systems whose power is cut.
func fileSystems() []string { return []string{"ext4", "xfs", btrfs} }

// A disk is a mounted file system whose power can be cut.
type disk struct {
	t     *testing.T
	image faulttest.Image
	dir   string // where it is mounted
	below *disk  // the disk that the image is on, and whose power is cut; nil if the file system can be shut down
}

func newDisk(t *testing.T, kind string) *disk {
	t.Helper()
	const size, sizeAbove = 320 << 20, 200 << 20 // xfs takes 300 MB
	d := &disk{t: t, dir: t.TempDir()}
	if kind == btrfs {
		d.below = newDisk(t, "ext4")
		d.image = faulttest.NewImageIn(t, d.below.dir, kind, sizeAbove)
		d.below.syncAll()
	} else {
		d.image = faulttest.NewImage(t, kind, size)
	}
	d.image.Mount(t, d.dir)
	t.Cleanup(func() {
		_ = unix.Unmount(d.dir, unix.MNT_DETACH) // After a failure it may not be mounted.
	})
	return d
}

// cut cuts the power.
func (d *disk) cut() {
	d.t.Helper()
	if d.below != nil {
		d.below.cut()
		return
	}
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
	// The kernel frees the loop device of an image some time after the image is unmounted.
	unmounted := func() bool { return unix.Unmount(d.dir, 0) == nil }
	require.Eventually(d.t, unmounted, time.Minute, time.Millisecond, "unmount %s", d.dir)
	if d.below != nil {
		d.below.restore()
	}
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
