// Package ramtemp keeps the temporary files of short tests in memory, because most of the time of a
// test of a store is syncs.
package ramtemp

import (
	"flag"
	"os"
	"testing"
)

// Use is for TestMain: all tests keep temporary files in memory with -short, if there is room.
// Without -short they use the disk, and they use $TMPDIR if that is set.
func Use() {
	flag.Parse()
	if dir := find(); dir != "" {
		_ = os.Setenv("TMPDIR", dir) // It can only fail for another name.
	}
}

// UseIn is the same for one test.
func UseIn(t *testing.T) {
	t.Helper()
	if dir := find(); dir != "" {
		t.Setenv("TMPDIR", dir)
	}
}

func find() string {
	const dir = "/dev/shm"
	if testing.Short() && os.Getenv("TMPDIR") == "" && hasRoom(dir) {
		return dir
	}
	return ""
}
