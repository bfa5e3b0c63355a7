package files

import (
	"cmp"
	"errors"
	"io/fs"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend/storekit"
)

// NextFree implements [backend.ReadTx].
func (t *tx) NextFree(from, to netip.Addr) (netip.Addr, error) {
	if err := cmp.Or(t.usable(), storekit.CheckSpan(from, to)); err != nil {
		return netip.Addr{}, err
	}
	l, err := t.list()
	if err != nil {
		return netip.Addr{}, err
	}
	stored := l.addrs()
	i, _ := slices.BinarySearchFunc(stored, from, netip.Addr.Compare)
	for addr := from; ; addr = addr.Next() {
		isStored := i < len(stored) && stored[i] == addr
		if isStored {
			i++
		}
		if !t.taken(addr, isStored) {
			return addr, nil
		}
		if addr == to {
			return netip.Addr{}, storekit.NoneFree(from, to)
		}
	}
}

// taken reports whether addr is leased. The argument stored says whether the listing contains
// it.
func (t *tx) taken(addr netip.Addr, stored bool) bool {
	if _, ok := t.puts[addr]; ok {
		return true
	}
	if !stored || len(t.redirects) == 0 {
		return stored
	}
	if len(t.listing.irregular[addr]) == 0 {
		return t.resolve(fileName(addr)) != ""
	}
	// The address had several files, and one may be left.
	return !errors.Is(t.withFile(addr, t.checkExists), fs.ErrNotExist)
}
