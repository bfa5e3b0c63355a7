package main

import (
	"path/filepath"

	"github.com/leasehold/leasehold/internal/fstype"
)

// warnOfLocks warns if other mounts of a network would not share its locks. This is not a
// finding: with a single mount, as for rootless containers, nothing is wrong, and the tool
// cannot see other mounts.
func (t *tool) warnOfLocks(n network) {
	if dir := filepath.Dir(n.path); fstype.FUSE(dir) {
		t.warnOnce("%s: %s", dir, fstype.NoSharedLocks)
	}
}
