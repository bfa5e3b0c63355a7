package allocator

import (
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A Boot is one run of the machine. The zero Boot is not known.
type Boot struct {
	// ID is the kernel's name for the boot; empty if it cannot be read. Containers and
	// sandboxes can see another one over the same data directory, and some machines
	// show the same one after a reboot.
	ID string

	// Started is when the boot began, by the present wall clock; zero if not known.
	Started time.Time
}

// StartedAfter reports whether l is dated before this boot: by its time alone, which a
// clock that was set since can make wrong. A lease without a time is not.
func (b Boot) StartedAfter(l backend.Lease) bool {
	return !b.Started.IsZero() && !l.Since.IsZero() && l.Since.Before(b.Started.Truncate(time.Second))
}

// Ended reports whether l is known to be of an earlier boot, so that its container is
// gone: both its boot and its time must say so. last is the boot in which its store was
// last searched for such leases ([backend.ReadTx.Boot]); it stands in for the boot of a
// lease that names none.
//
// An ID alone does not decide, because a container can see another one than its host.
// Nor does a time alone, because a clock can be wrong while a machine starts.
func (b Boot) Ended(l backend.Lease, last string) bool {
	made := l.Boot
	if made == "" {
		made = last
	}
	return b.ID != "" && made != "" && made != b.ID && b.StartedAfter(l)
}
