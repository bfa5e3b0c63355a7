package bolt

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// writesInPlace reports whether the file system is known to need no space to write what a
// file has allocated.
func writesInPlace(f *os.File) bool {
	var st unix.Statfs_t
	err := unix.Fstatfs(int(f.Fd()), &st)
	return err == nil && (st.Type == unix.EXT4_SUPER_MAGIC || st.Type == unix.TMPFS_MAGIC)
}

// fsNoCow is FS_NOCOW_FL of linux/fs.h, which chattr(1) calls C.
const fsNoCow = 0x00800000

// forbidCopies has btrfs overwrite the blocks of a file, which must be empty, instead of
// writing others. So a full disk does not stop a Delete. It also gives up compression, for
// the same end, and checksums of data, in the place of which leases have their own.
//
// Other file systems do not know the flag. Where it cannot be set the store works all the
// same, so that is no error.
func forbidCopies(f *os.File) {
	flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err == nil {
		_ = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, int(flags|fsNoCow))
	}
}

// fsIocFiemap and fiemapShared are FS_IOC_FIEMAP and FIEMAP_EXTENT_SHARED of linux/fiemap.h.
const (
	fsIocFiemap  = 0xC020660B
	fiemapShared = 0x2000
)

// A fiemap is what FS_IOC_FIEMAP takes and fills in, with room for one extent.
type fiemap struct {
	start, length           uint64
	flags, mapped, count, _ uint32
	extent                  struct {
		_     [5]uint64
		flags uint32
		_     [3]uint32
	}
}

// shared reports whether the first blocks of the file belong to another file as well, as
// after a snapshot. A file system that cannot tell does not share blocks.
func shared(f *os.File) bool {
	m := fiemap{length: 1, count: 1}
	// The kernel writes into m, which no other goroutine sees.
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), fsIocFiemap, uintptr(unsafe.Pointer(&m)))
	return errno == 0 && m.mapped == 1 && m.extent.flags&fiemapShared != 0
}
