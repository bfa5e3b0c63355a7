// Package ramtemp keeps the temporary files of short tests in memory.
package ramtemp

import (
	"flag"
	"os"
	"testing"
)

// Use is for TestMain. With -short it keeps temporary files in /dev/shm, if there is room, because
// most of the time of a test of a store is syncs. Without -short the tests use the disk, and they
// use $TMPDIR if that is set.
func Use() {
	flag.Parse()
	const dir = "/dev/shm"
	if testing.Short() && os.Getenv("TMPDIR") == "" && hasRoom(dir) {
		os.Setenv("TMPDIR", dir)
	}
}
