package exchange

import "golang.org/x/sys/unix"

// isMountPoint reports whether something is mounted at path, as far as the kernel tells: since
// Linux 5.8.
func isMountPoint(path string) bool {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_TYPE, &st)
	return err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}
