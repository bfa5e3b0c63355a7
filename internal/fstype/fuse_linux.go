package fstype

import (
	"errors"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// FUSE reports whether path, or the directory above it that is there, is on a file system
// in user space. What such a one does with flock(2) and RENAME_EXCHANGE depends on the
// program that serves it:
//
//   - The kernel keeps locks for each mount by itself unless the program asks for them, and
//     hardly any does. So two mounts of one directory do not share locks, and no process
//     can see that there is another mount.
//   - fuse-overlayfs 1.10 exchanges the names of a directory of a lower layer and another
//     file, reports success, and leaves the directory without what it held.
//
// A path that cannot be looked at is on none.
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
