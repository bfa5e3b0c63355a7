// Package ramtemp keeps the temporary files of short tests in memory.
package ramtemp

import (
	"flag"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// room is how much has to be free in memory. A container often has 64 MiB, which is too little for
// large stores.
const room = 512 << 20

// Use is for TestMain. With -short it keeps temporary files in /dev/shm, if there is room, because
// most of the time of a test of a store is syncs. Without -short the tests use the disk, and they
// use $TMPDIR if that is set.
func Use() {
	flag.Parse()
	const dir = "/dev/shm"
	var fs unix.Statfs_t
	if !testing.Short() || os.Getenv("TMPDIR") != "" || unix.Statfs(dir, &fs) != nil || fs.Type != unix.TMPFS_MAGIC {
		return
	}
	if fs.Bavail*uint64(fs.Bsize) >= room && unix.Access(dir, unix.W_OK) == nil {
		os.Setenv("TMPDIR", dir)
	}
}
