package main

import (
	"path/filepath"

	"github.com/leasehold/leasehold/internal/fstype"
)

// warnOfLocks says if the locks of a network may not be shared with its other mounts. That
// is no finding: with one mount, as under rootless containers, nothing is wrong, and
// whether there is another cannot be seen from here.
func (t *tool) warnOfLocks(n network) {
	if dir := filepath.Dir(n.path); fstype.FUSE(dir) {
		t.warnOnce("%s: %s", dir, fstype.NoSharedLocks)
	}
}
