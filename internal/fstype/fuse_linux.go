package fstype

import (
	"errors"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// FUSE reports whether path, or the nearest existing directory above it, is on a file
// system in user space. The effect of flock(2) and RENAME_EXCHANGE there depends on the
// program that serves it:
//
//   - The kernel keeps locks separately for each mount unless the program handles them, which
//     few do. So two mounts of one directory do not share locks, and no process
//     can see the other mount.
//   - fuse-overlayfs 1.10, when it exchanges a directory of a lower layer with another
//     file, reports success but leaves the directory empty.
//
// It is false for a path that cannot be examined.
func FUSE(path string) bool {
	for {
		var st unix.Statfs_t
		err := unix.Statfs(path, &st)
		if above := filepath.Dir(path); errors.Is(err, unix.ENOENT) && above != path {
			path = above
			continue
		}
		return err == nil && st.Type == unix.FUSE_SUPER_MAGIC
	}
}
