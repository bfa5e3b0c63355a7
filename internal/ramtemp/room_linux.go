package ramtemp

import "golang.org/x/sys/unix"

// room is how much has to be free. A container often has 64 MiB, which is too little for large stores.
const room = 512 << 20

// hasRoom reports whether a directory is in memory and has room.
func hasRoom(dir string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil || fs.Type != unix.TMPFS_MAGIC {
		return false
	}
	return fs.Bavail*uint64(fs.Bsize) >= room && unix.Access(dir, unix.W_OK) == nil
}
