package flock

import (
	"os"

	"golang.org/x/sys/unix"
)

// flock(2) grants a shared lock while an exclusive one is waited for, so overlapping
// readers keep a writer out forever. Therefore a writer that has to wait announces it with
// a shared lock of another kind (fcntl(2), F_OFD_SETLK) on one byte beyond the end of any
// file. A reader that finds the announcement requests the exclusive lock, because those are
// granted in order. It keeps the exclusive lock: converting it to a shared one would wake
// the waiters, and new readers could overtake them.
//
// Nothing waits for the byte itself. If a waiting writer is stopped or has given up,
// readers only take turns until its file is closed. A turnstile that readers and writers
// pass one by one was rejected: a process stopped in it would keep all others out.

// announcement is the offset of that byte.
const announcement = 1 << 62

// announce announces that a writer waits for the lock of f, and reports whether it could.
// If not, readers can overtake, as on systems without such locks.
func announce(f *os.File) bool {
	if !separate(f) {
		return false
	}
	_, err := ofd(f, unix.F_OFD_SETLK, unix.F_RDLCK)
	return err == nil
}

// renounce withdraws the announcement.
func renounce(f *os.File) {
	_, _ = ofd(f, unix.F_OFD_SETLK, unix.F_UNLCK) // If it fails, readers take turns until f is closed.
}

// Awaited reports whether another waits for an exclusive lock of f; false on a file system where that
// cannot be told.
func Awaited(f *os.File) bool { return awaited(f) }

// awaited reports whether a writer waits for the lock of f.
func awaited(f *os.File) bool {
	kind, err := ofd(f, unix.F_OFD_GETLK, unix.F_WRLCK)
	return err == nil && kind != unix.F_UNLCK && separate(f)
}

// ofd performs an operation on the byte, and returns the kind of its lock.
func ofd(f *os.File, op int, kind int16) (int16, error) {
	lock := unix.Flock_t{Type: kind, Whence: unix.SEEK_SET, Start: announcement, Len: 1}
	err := unix.FcntlFlock(f.Fd(), op, &lock)
	return lock.Type, err
}

// separate reports whether the file system of f is known to keep flock and fcntl locks
// separate, and to grant an exclusive flock on a file opened for reading. Where one is
// implemented by the other, as on NFS, CIFS and 9p, the announcements of writers would keep
// other writers out.
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

// zfs is ZFS_SUPER_MAGIC, which package unix lacks because ZFS is not part of the kernel.
const zfs = 0x2fc12fc1
