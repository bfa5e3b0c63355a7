package disk

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// HasNoHoles reports whether disk space is allocated for all of the file.
func HasNoHoles(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || st.Blocks*512 >= info.Size()
}

// Allocate allocates disk space for all of a file of the given size. A file system that
// cannot do so cannot have holes either.
func Allocate(f *os.File, size int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EOPNOTSUPP):
			return nil
		}
		return os.NewSyscallError("fallocate", err)
	}
}

// WritesInPlace reports whether the file system is known to need no space for overwriting
// what a file has allocated.
func WritesInPlace(f *os.File) bool {
	var st unix.Statfs_t
	err := unix.Fstatfs(int(f.Fd()), &st)
	return err == nil && (st.Type == unix.EXT4_SUPER_MAGIC || st.Type == unix.TMPFS_MAGIC)
}

// fsNoCow is FS_NOCOW_FL of linux/fs.h, which chattr(1) calls C.
const fsNoCow = 0x00800000

// DisableCopyOnWrite makes btrfs overwrite the blocks of a file, which must be empty, in
// place, so that a full disk does not stop a Delete. That also turns off compression, and
// checksums of data, instead of which leases have their own.
//
// Other file systems do not know the flag. A store works without it, so failing to set it
// is no error.
func DisableCopyOnWrite(f *os.File) {
	flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err == nil {
		// Without the flag a store works, too.
		_ = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, int(flags|fsNoCow))
	}
}

// fsIocFiemap and fiemapShared are FS_IOC_FIEMAP and FIEMAP_EXTENT_SHARED of linux/fiemap.h.
const (
	fsIocFiemap  = 0xC020660B
	fiemapShared = 0x2000
)

// A fiemap is the argument of FS_IOC_FIEMAP, with room for one extent.
type fiemap struct {
	start, length           uint64
	flags, mapped, count, _ uint32
	extent                  struct {
		_     [5]uint64
		flags uint32
		_     [3]uint32
	}
}

// HasSharedBlocks reports whether the first blocks of the file belong to another file too,
// as after a snapshot. A file system that cannot tell does not share blocks.
func HasSharedBlocks(f *os.File) bool {
	m := fiemap{length: 1, count: 1}
	// unsafe, because golang.org/x/sys has no function for this ioctl. The kernel writes no
	// more than one extent, for which m has room, and m outlives the call.
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), fsIocFiemap, uintptr(unsafe.Pointer(&m)))
	return errno == 0 && m.mapped == 1 && m.extent.flags&fiemapShared != 0
}

// AnonymousFile returns an empty file in memory, which ends with its last descriptor.
func AnonymousFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("leasehold", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), "memfd:leasehold"), nil
}
