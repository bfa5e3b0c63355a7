package main

import (
	"path/filepath"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/fstype"
)

// warnOfLocks warns if other mounts of a network, which has a store of that kind, would not share its
// locks. This is not a finding: with a single mount, as for rootless containers, nothing is wrong, and
// the tool cannot see other mounts.
func (t *tool) warnOfLocks(n network, kind string) {
	if dir := filepath.Dir(n.path); fstype.FUSE(dir) {
		t.warnOnce("%s: %s", dir, fstype.LocksWarning(kind == config.Files))
	}
}
