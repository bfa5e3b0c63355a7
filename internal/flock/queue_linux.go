package flock

import (
	"os"

	"golang.org/x/sys/unix"
)

// flock(2) lets a shared lock in while an exclusive one is waited for, so that
// readers which overlap keep a writer out for ever. So a writer that has to wait
// announces that by a shared lock of another kind (fcntl(2), F_OFD_SETLK) of one byte
// that no file has. A reader that finds it asks for the exclusive lock: those are
// granted in the order in which they were asked for. It keeps that: to make a shared
// one of it wakes those that wait, and what comes in that moment passes them.
//
// Nothing waits for the byte itself. A writer that was stopped while it waits, or has
// given up, only has readers go in one after the other until its file is closed. A
// turnstile, which readers and writers pass one by one, was rejected for that: a
// process that is stopped in it keeps all others out.

// announcement is the byte.
const announcement = 1 << 62

// announce says that a writer waits for the lock of f, and reports whether it could. If
// not, readers pass, as they do on systems that have no such locks.
func announce(f *os.File) bool {
	if !separate(f) {
		return false
	}
	_, err := ofd(f, unix.F_OFD_SETLK, unix.F_RDLCK)
	return err == nil
}

// renounce says that it does not wait any more.
func renounce(f *os.File) {
	_, _ = ofd(f, unix.F_OFD_SETLK, unix.F_UNLCK) // If it fails, readers go in one by one until f is closed.
}

// awaited reports whether a writer waits for the lock of f.
func awaited(f *os.File) bool {
	kind, err := ofd(f, unix.F_OFD_GETLK, unix.F_WRLCK)
	return err == nil && kind != unix.F_UNLCK && separate(f)
}

// ofd performs an operation on the byte, and returns what kind of lock the system says
// that it has.
func ofd(f *os.File, op int, kind int16) (int16, error) {
	lock := unix.Flock_t{Type: kind, Whence: unix.SEEK_SET, Start: announcement, Len: 1}
	err := unix.FcntlFlock(f.Fd(), op, &lock)
	return lock.Type, err
}

// separate reports whether the file system of f is known to keep locks of flock and locks
// of fcntl apart, and to grant an exclusive flock of a file that is open for reading. Where one is made of the other, as on NFS, CIFS and 9p, writers that announce
// themselves would keep each other out.
func separate(f *os.File) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &st) != nil {
		return false
	}
	switch uint32(st.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC,
		unix.TMPFS_MAGIC, unix.RAMFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.BCACHEFS_SUPER_MAGIC, zfs:
		return true
	}
	return false
}

// zfs is ZFS_SUPER_MAGIC, which package unix lacks: the module is not part of the kernel.
const zfs = 0x2fc12fc1
