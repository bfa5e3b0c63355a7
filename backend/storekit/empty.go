package storekit

import (
	"cmp"
	"iter"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// ViewEmpty calls fn with a view of an empty store and returns its error. It is
// [backend.Store.View] where no store exists yet.
func ViewEmpty(fn func(backend.ReadTx) error) error {
	e := new(empty)
	defer func() { e.ended = true }()
	return fn(e)
}

// An empty is a backend.ReadTx of an empty store.
type empty struct{ ended bool }

func (e *empty) usable() error {
	if e.ended {
		return Ended()
	}
	return nil
}

func (e *empty) Lease(addr netip.Addr) (backend.Lease, error) {
	return backend.Lease{}, cmp.Or(e.usable(), CheckAddr(addr), NotFound(addr))
}

func (e *empty) OwnedBy(backend.Owner) ([]backend.Lease, error) { return nil, e.usable() }

func (e *empty) Leases(from netip.Addr) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		if err := cmp.Or(e.usable(), CheckFrom(from)); err != nil {
			yield(backend.Lease{}, err)
		}
	}
}

func (e *empty) NextFree(from, to netip.Addr) (netip.Addr, error) {
	if err := cmp.Or(e.usable(), CheckSpan(from, to)); err != nil {
		return netip.Addr{}, err
	}
	return from, nil
}

func (e *empty) Cursor(set string) (netip.Addr, error) {
	return netip.Addr{}, cmp.Or(e.usable(), CheckSet(set), NoCursor(set))
}

func (e *empty) Cursors() (map[string]netip.Addr, error) { return nil, e.usable() }

func (e *empty) LastSearch() (string, error) { return "", e.usable() }
