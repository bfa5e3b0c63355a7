package allocator_test

import (
	"context"
	"errors"
	"iter"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

var errBroken = errors.New("broken")

// A spy is a store that records the methods called in its transactions, and can make one of
// them fail.
type spy struct {
	backend.Store
	calls []string
	fail  string // the method that fails
}

func (s *spy) View(ctx context.Context, fn func(backend.ReadTx) error) error {
	s.calls = append(s.calls, "View")
	return s.Store.View(ctx, func(tx backend.ReadTx) error { return fn(&spyReadTx{ReadTx: tx, spy: s}) })
}

func (s *spy) Update(ctx context.Context, fn func(backend.Tx) error) error {
	s.calls = append(s.calls, "Update")
	return s.Store.Update(ctx, func(tx backend.Tx) error {
		return fn(&spyTx{spyReadTx: spyReadTx{ReadTx: tx, spy: s}, tx: tx})
	})
}

func (s *spy) called(method string) error {
	s.calls = append(s.calls, method)
	if s.fail == method {
		return errBroken
	}
	return nil
}

type spyReadTx struct {
	backend.ReadTx
	spy *spy
}

func (r *spyReadTx) Lease(addr netip.Addr) (backend.Lease, error) {
	if err := r.spy.called("Lease"); err != nil {
		return backend.Lease{}, err
	}
	return r.ReadTx.Lease(addr)
}

func (r *spyReadTx) OwnedBy(o backend.Owner) ([]backend.Lease, error) {
	if err := r.spy.called("OwnedBy"); err != nil {
		return nil, err
	}
	return r.ReadTx.OwnedBy(o)
}

func (r *spyReadTx) Leases(from netip.Addr) iter.Seq2[backend.Lease, error] {
	if err := r.spy.called("Leases"); err != nil {
		return func(yield func(backend.Lease, error) bool) { yield(backend.Lease{}, err) }
	}
	return r.ReadTx.Leases(from)
}

func (r *spyReadTx) NextFree(from, to netip.Addr) (netip.Addr, error) {
	if err := r.spy.called("NextFree"); err != nil {
		return netip.Addr{}, err
	}
	return r.ReadTx.NextFree(from, to)
}

func (r *spyReadTx) Cursor(set string) (netip.Addr, error) {
	if err := r.spy.called("Cursor"); err != nil {
		return netip.Addr{}, err
	}
	return r.ReadTx.Cursor(set)
}

func (r *spyReadTx) LastSearch() (string, error) {
	if err := r.spy.called("LastSearch"); err != nil {
		return "", err
	}
	return r.ReadTx.LastSearch()
}

type spyTx struct {
	spyReadTx
	tx backend.Tx
}

func (t *spyTx) Put(l backend.Lease) error {
	if err := t.spy.called("Put"); err != nil {
		return err
	}
	return t.tx.Put(l)
}

func (t *spyTx) Delete(addr netip.Addr) error {
	if err := t.spy.called("Delete"); err != nil {
		return err
	}
	return t.tx.Delete(addr)
}

func (t *spyTx) SetCursor(set string, addr netip.Addr) error {
	if err := t.spy.called("SetCursor"); err != nil {
		return err
	}
	return t.tx.SetCursor(set, addr)
}

func (t *spyTx) SetLastSearch(id string) error {
	if err := t.spy.called("SetLastSearch"); err != nil {
		return err
	}
	return t.tx.SetLastSearch(id)
}
