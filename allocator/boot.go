package allocator

import (
	"net/netip"
	"slices"
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

// SeemsEarlier reports whether l looks like a lease from an earlier boot: it is dated before this
// boot, and does not name it. A lease that names this boot never is from an earlier one: the clock was
// set, or the machine has the same boot ID after every start, and then the time proves nothing.
//
// It suffices for output, and where a list of the containers in use decides too. [Boot.Ended] needs more,
// because an ADD asks nothing else.
func (b Boot) SeemsEarlier(l backend.Lease) bool {
	return b.StartedAfter(l) && (l.Boot == "" || l.Boot != b.ID)
}

// Ended reports whether l is known to be from an earlier boot, so that its container is
// gone: both its boot and its time must say so. lastSearch is the text that
// [backend.ReadTx.LastSearch] returns for the store of l; it is used for leases that name no boot.
//
// The ID alone does not decide, because a container can see a different one than its host.
// Nor does the time alone, because a clock can be wrong while a machine starts. Both together do
// not if the two IDs were seen in one boot before: then the clock was set forward since.
func (b Boot) Ended(l backend.Lease, lastSearch string) bool {
	return b.endedSince(l, parseSearch(lastSearch))
}

func (b Boot) endedSince(l backend.Lease, last search) bool {
	if b.ID == "" || !b.StartedAfter(l) {
		return false
	}
	if l.Boot == "" {
		return len(last.boots) > 0 && !last.isOf(b.ID)
	}
	return l.Boot != b.ID && !(last.isOf(b.ID) && last.isOf(l.Boot))
}

// EarlierBoot returns the ID of the boot in which l was made if l is known to be from an
// earlier boot, and an empty string otherwise. lastSearch is as for [Boot.Ended].
func (b Boot) EarlierBoot(l backend.Lease, lastSearch string) string {
	last := parseSearch(lastSearch)
	switch {
	case !b.endedSince(l, last):
		return ""
	case l.Boot != "":
		return l.Boot
	}
	return last.boots[0]
}

// A search records when, and in which boot, a store was last searched for leases from
// earlier boots ([backend.ReadTx.LastSearch]).
type search struct {
	// boots are the IDs of that boot: more than one if leases were made since where another one was
	// seen, as in a container.
	boots []string

	at time.Time // zero in stores written by early versions
}

// manyBoots is how many IDs a search has before those are left out that no lease names: a container has
// another one after each of its starts.
const manyBoots = 16

// String returns the IDs of the boot, separated by commas, and the time after a space.
func (s search) String() string {
	return strings.Join(s.boots, ",") + " " + s.at.UTC().Format(time.RFC3339)
}

func (s search) isOf(boot string) bool { return slices.Contains(s.boots, boot) }

// SearchRecord returns the text for [backend.Tx.SetLastSearch] that marks a store as free of leases
// from earlier boots: Allocate has just searched it, or all of its leases were put there
// now. It is empty if the ID is unknown.
func (b Boot) SearchRecord(now time.Time) string { return b.searched(search{}, now) }

// searched is SearchRecord for a store that was searched before. If that was in this boot, by another
// time of the clock, the other IDs of it still count.
func (b Boot) searched(last search, now time.Time) string {
	if b.ID == "" {
		return ""
	}
	if !last.isOf(b.ID) {
		last.boots = []string{b.ID}
	}
	last.at = now
	return last.String()
}

// seen returns the text for [backend.Tx.SetLastSearch] after which the last search counts as one of this
// boot under this ID, too. It is empty if it counts already.
//
// Otherwise leases that are made under one of the IDs would be released by an ADD under another, with
// their containers running, when the clock is set forward: then they are dated before the start of the
// boot.
func (b Boot) seen(last search, tx backend.ReadTx) (string, error) {
	if last.isOf(b.ID) || last.at.IsZero() {
		return "", nil
	}
	boots := append(slices.Clone(last.boots), b.ID)
	if len(boots) > manyBoots {
		named, err := bootsOf(tx)
		if err != nil {
			return "", err
		}
		if !named[""] { // Such a lease may have been made under any of them.
			boots = slices.DeleteFunc(boots, func(id string) bool { return id != b.ID && !named[id] })
		}
	}
	last.boots = boots
	return last.String(), nil
}

// bootsOf returns the IDs that leases name, and an empty one if a lease names none.
func bootsOf(tx backend.ReadTx) (map[string]bool, error) {
	named := make(map[string]bool)
	for l, err := range tx.Leases(netip.Addr{}) {
		if err != nil {
			return nil, err
		}
		named[l.Boot] = true
	}
	return named, nil
}

func parseSearch(text string) search {
	if text == "" {
		return search{}
	}
	space := strings.LastIndexByte(text, ' ')
	at, err := time.Parse(time.RFC3339, text[space+1:])
	if space < 0 || err != nil {
		return search{boots: []string{text}}
	}
	return search{strings.Split(text[:space], ","), at}
}

// isCurrent reports whether the last search of a store was made in this boot.
//
// The ID alone does not decide: a host and a container that see different IDs would take
// turns searching the whole store. And while a clock is not set yet, as on boards without a
// battery-backed clock, leases from before the boot look young.
func (b Boot) isCurrent(last search, now time.Time) bool {
	if last.at.IsZero() {
		return last.isOf(b.ID)
	}
	if last.at.Before(b.Started.Truncate(time.Second)) {
		return false
	}
	return last.isOf(b.ID) || !last.at.After(now)
}
