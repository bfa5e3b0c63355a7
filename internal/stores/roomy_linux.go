package stores

import (
	"os"

	"golang.org/x/sys/unix"
)

// What the first lease of a network takes at most, in either store: pages, and files.
const (
	minPages = 128
	minFiles = 16
)

// roomy reports whether the file system that path is on has room for another lease
// whatever that takes. A store that makes do with less is near its end.
func roomy(path string) bool {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return true // It is not known, and whoever writes will be told.
	}
	// A file system that does not count says that it has none of none.
	space := st.Blocks == 0 || st.Bfree*uint64(st.Bsize) >= minPages*uint64(os.Getpagesize())
	return space && (st.Files == 0 || st.Ffree >= minFiles)
}
