package backend

import (
	"cmp"
	"iter"
	"net/netip"
)

// ViewEmpty calls fn with a view of an empty store and returns its error. It is
// [Store.View] where no store exists yet.
func ViewEmpty(fn func(ReadTx) error) error {
	e := new(empty)
	defer func() { e.ended = true }()
	return fn(e)
}

// An empty is a ReadTx of an empty store.
type empty struct{ ended bool }

func (e *empty) usable() error {
	if e.ended {
		return Ended()
	}
	return nil
}

func (e *empty) Lease(addr netip.Addr) (Lease, error) {
	return Lease{}, cmp.Or(e.usable(), CheckAddr(addr), NotFound(addr))
}

func (e *empty) OwnedBy(Owner) ([]Lease, error) { return nil, e.usable() }

func (e *empty) Leases(from netip.Addr) iter.Seq2[Lease, error] {
	return func(yield func(Lease, error) bool) {
		if err := cmp.Or(e.usable(), CheckFrom(from)); err != nil {
			yield(Lease{}, err)
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

func (e *empty) Boot() (string, error) { return "", e.usable() }
