package files

import (
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// A listing is what one pass over the names in a directory has found.
type listing struct {
	// plain are the addresses that have a regular file of the canonical
	// name, in the order of the directory.
	plain []netip.Addr

	// odd are the other files that are leases: those spelt otherwise, and
	// what is not a regular file.
	odd map[netip.Addr][]string

	cursors   []string // names of range sets
	temporary []string // what somebody was writing or deleting who was killed
	strange   []string // what is nobody's business

	sorted []netip.Addr // what addrs returns
	tell   func(netip.Addr)
}

// unknownMode: the directory does not tell the type of the file.
const unknownMode = fs.ModeIrregular

// listing makes the pass. A temporary file that moved gives a name counts as the file of
// that name. Unless tell is nil it is told of each of the plain addresses as soon as that
// is found.
func (d *dir) listing(moved map[string]string, tell func(netip.Addr)) (*listing, error) {
	l := &listing{plain: make([]netip.Addr, 0, d.guess()), odd: map[netip.Addr][]string{}, tell: tell}
	return l, d.entries(func(name string, mode fs.FileMode) error {
		if startsAddress(name) { // as nearly all do
			return l.add(d, name, mode)
		}
		l.addOther(name, moved)
		return nil
	})
}

func (l *listing) addOther(name string, moved map[string]string) {
	set, isCursor := strings.CutPrefix(name, cursorPrefix)
	switch {
	case isTemporary(name):
		l.addTemporary(name, moved)
	case isCursor && !strings.HasPrefix(name, keptPrefix):
		l.cursors = append(l.cursors, set)
	case !isUnlinked(name):
		l.strange = append(l.strange, name)
	}
}

func (l *listing) addTemporary(name string, moved map[string]string) {
	for to, from := range moved {
		if from == name {
			l.addOdd(to)
			return
		}
	}
	l.temporary = append(l.temporary, name)
}

func (l *listing) add(d *dir, name string, mode fs.FileMode) error {
	addr, canonical, ok := parseName(name)
	if !ok {
		l.strange = append(l.strange, name)
		return nil
	}
	if mode == unknownMode {
		i, err := d.stat(name)
		if err != nil {
			return err
		}
		mode = i.mode
	}
	if canonical && mode.IsRegular() {
		l.plain = append(l.plain, addr)
		if l.tell != nil {
			l.tell(addr)
		}
	} else {
		l.odd[addr] = append(l.odd[addr], name)
	}
	return nil
}

// guess returns about how many names the directory holds. To have the memory at
// hand is worth a quarter of the time that it takes to list 20,000.
func (d *dir) guess() int {
	const (
		bytesEach = 32 // on most file systems, or a little less
		enough    = 1 << 20
	)
	i, err := d.self.Stat()
	if err != nil {
		return 0 // It is no more than a guess.
	}
	return int(min(i.Size()/bytesEach, enough))
}

func (l *listing) addOdd(name string) {
	if addr, _, ok := parseName(name); ok {
		l.odd[addr] = append(l.odd[addr], name)
	}
}

// addrs returns all leased addresses in ascending order.
func (l *listing) addrs() []netip.Addr {
	if l.sorted == nil {
		l.sorted = sortedSet(l.plain, slices.Collect(maps.Keys(l.odd)))
	}
	return l.sorted
}

func sortedSet(a, b []netip.Addr) []netip.Addr {
	all := slices.Concat(a, b)
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}
