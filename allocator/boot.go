package allocator

import (
	"strings"
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
// last searched for such leases; it stands in for the boot of a lease that names none.
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

// A search is what a store keeps of the last search for leases of earlier boots
// ([backend.ReadTx.Boot]): in which boot it was, and when.
type search struct {
	boot string
	at   time.Time // zero in the stores of early versions
}

// String is the ID of the boot, followed by the time.
func (s search) String() string { return s.boot + " " + s.at.UTC().Format(time.RFC3339) }

// Searched returns what a store keeps ([backend.Tx.SetBoot]) that has no leases of earlier
// boots to be released in this one: because Allocate has just searched it, or because all that
// it holds was put there now. It is empty if the ID is not known.
func (b Boot) Searched(now time.Time) string {
	if b.ID == "" {
		return ""
	}
	return search{b.ID, now}.String()
}

func parseSearch(text string) search {
	space := strings.LastIndexByte(text, ' ')
	at, err := time.Parse(time.RFC3339, text[space+1:])
	if space < 0 || err != nil {
		return search{boot: text}
	}
	return search{text[:space], at}
}

// searched reports whether a store does not have to be searched again in this boot.
//
// The ID alone does not say so. A host and a container that see different IDs would
// each search the whole store after the other. And a clock that is set only after the
// machine has started, as on boards without a clock of their own, makes leases of before
// the boot look young until then.
func (b Boot) searched(last search, now time.Time) bool {
	if last.at.IsZero() {
		return last.boot == b.ID
	}
	if last.at.Before(b.Started.Truncate(time.Second)) {
		return false
	}
	return last.boot == b.ID || !last.at.After(now)
}
