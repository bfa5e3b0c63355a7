package allocator

import (
	"cmp"
	"strings"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A Boot is one boot of the machine. The zero Boot is unknown.
type Boot struct {
	// ID is the kernel's boot ID; empty if it cannot be read. Containers and sandboxes can
	// see a different ID in the same data directory, and some machines show the same ID
	// after a reboot.
	ID string

	// Started is when the boot began, by the present wall clock; zero if unknown.
	Started time.Time
}

// StartedAfter reports whether l is dated before this boot. It looks only at the time,
// which is wrong if the clock was set since. It is false for a lease without a time.
func (b Boot) StartedAfter(l backend.Lease) bool {
	return !b.Started.IsZero() && !l.Since.IsZero() && l.Since.Before(b.Started.Truncate(time.Second))
}

// Ended reports whether l is known to be from an earlier boot, so that its container is
// gone: both its boot and its time must say so. last is the boot in which the store was
// last searched for such leases; it is used for leases that name no boot.
//
// The ID alone does not decide, because a container can see a different one than its host.
// Nor does the time alone, because a clock can be wrong while a machine starts.
func (b Boot) Ended(l backend.Lease, last string) bool {
	made := l.Boot
	if made == "" {
		made = last
	}
	return b.ID != "" && made != "" && made != b.ID && b.StartedAfter(l)
}

// EarlierBoot returns the ID of the boot in which l was made if l is known to be from an
// earlier boot, and an empty string otherwise. lastSearch is the text that
// [backend.ReadTx.LastSearch] returns for the store of l.
func (b Boot) EarlierBoot(l backend.Lease, lastSearch string) string {
	last := parseSearch(lastSearch).boot
	if !b.Ended(l, last) {
		return ""
	}
	return cmp.Or(l.Boot, last)
}

// A search records when, and in which boot, a store was last searched for leases from
// earlier boots ([backend.ReadTx.Boot]).
type search struct {
	boot string
	at   time.Time // zero in stores written by early versions
}

// String returns the ID of the boot and the time, separated by a space.
func (s search) String() string { return s.boot + " " + s.at.UTC().Format(time.RFC3339) }

// SearchRecord returns the text for [backend.Tx.SetLastSearch] that marks a store as free of leases
// from earlier boots: Allocate has just searched it, or all of its leases were put there
// now. It is empty if the ID is unknown.
func (b Boot) SearchRecord(now time.Time) string {
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

// isCurrent reports whether the last search of a store was made in this boot.
//
// The ID alone does not decide: a host and a container that see different IDs would take
// turns searching the whole store. And while a clock is not set yet, as on boards without a
// battery-backed clock, leases from before the boot look young.
func (b Boot) isCurrent(last search, now time.Time) bool {
	if last.at.IsZero() {
		return last.boot == b.ID
	}
	if last.at.Before(b.Started.Truncate(time.Second)) {
		return false
	}
	return last.boot == b.ID || !last.at.After(now)
}
