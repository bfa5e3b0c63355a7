package files

import "golang.org/x/sys/unix"

// locksAreReliable decides by the type of the file system. FUSE passes a lock on only if its
// server asks for that, which bindfs and sshfs do not; NFS, SMB and 9P do so depending on mount
// options.
func (d *dir) locksAreReliable() bool {
	var st unix.Statfs_t
	if err := unix.Fstatfs(d.fd(), &st); err != nil {
		return false
	}
	switch uint32(st.Type) {
	case unix.FUSE_SUPER_MAGIC, unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC,
		unix.CIFS_SUPER_MAGIC, unix.V9FS_MAGIC:
		return false
	}
	return true
}
