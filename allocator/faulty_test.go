package allocator_test

import (
	"context"
	"errors"
	"iter"

	"github.com/leasehold/leasehold/backend"
)

// A faulty store fails in one of the methods that are about ended leases, which a [spy] has not.
type faulty struct {
	backend.Store
	fail string
}

func (f *faulty) View(ctx context.Context, fn func(backend.ReadTx) error) error {
	return f.Store.View(ctx, func(tx backend.ReadTx) error { return fn(&faultyReadTx{tx.(remembers), f}) })
}

func (f *faulty) Update(ctx context.Context, fn func(backend.Tx) error) error {
	return f.Store.Update(ctx, func(tx backend.Tx) error {
		both := tx.(rememberer)
		return fn(&faultyTx{both, faultyReadTx{both, f}})
	})
}

// broken returns an error if the method is the one that fails.
func (f *faulty) broken(method string) error {
	if method == f.fail {
		return errBroken
	}
	return nil
}

type remembers interface {
	backend.HistoryReadTx
	backend.CoolingReadTx
}

type rememberer interface {
	backend.HistoryTx
	backend.CoolingTx
}

type faultyReadTx struct {
	remembers
	store *faulty
}

func (r *faultyReadTx) Policy() (string, error) {
	text, err := r.remembers.Policy()
	return text, errors.Join(err, r.store.broken("Policy"))
}

func (r *faultyReadTx) LongestCooling() iter.Seq2[backend.Cooling, error] {
	return r.cooling("LongestCooling", r.remembers.LongestCooling())
}

func (r *faultyReadTx) LatestCooling() iter.Seq2[backend.Cooling, error] {
	return r.cooling("LatestCooling", r.remembers.LatestCooling())
}

func (r *faultyReadTx) cooling(method string, all iter.Seq2[backend.Cooling, error]) iter.Seq2[backend.Cooling, error] {
	if err := r.store.broken(method); err != nil {
		return func(yield func(backend.Cooling, error) bool) { yield(backend.Cooling{}, err) }
	}
	return all
}

type faultyTx struct {
	rememberer
	reads faultyReadTx
}

func (t *faultyTx) Policy() (string, error) { return t.reads.Policy() }
func (t *faultyTx) LongestCooling() iter.Seq2[backend.Cooling, error] {
	return t.reads.LongestCooling()
}
func (t *faultyTx) LatestCooling() iter.Seq2[backend.Cooling, error] { return t.reads.LatestCooling() }
