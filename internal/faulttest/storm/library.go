package storm

import (
	"context"
	"errors"
	"net/netip"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/stores"
)

// byLibrary performs requests in this process, as a runtime does that links the
// allocator: all of them, from however many goroutines, on one open store. While the store
// is at work it is asked what the time is.
func byLibrary(n faulttest.Network, clock func() int64) (performer, error) {
	c, err := config.Parse(n.Config(nil), "")
	if err != nil {
		return nil, err
	}
	store, kind, err := stores.Open(c.Path(), c.Backend)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, r request) answer {
		timed := &timedStore{Store: store, clock: clock}
		a := allocator.New(timed, c.Pool, allocator.Options{
			OnDuplicate:         c.OnDuplicate,
			Boot:                boot.Current(),
			ReleaseEarlierBoots: c.OnReboot.Releases(kind),
		})
		answer := answered(ctx, timed, a, r)
		answer.acted = timed.acted
		return answer
	}, nil
}

// A timedStore notes when it was last at work.
type timedStore struct {
	backend.Store
	clock func() int64
	acted int64
}

// View implements [backend.Store].
func (s *timedStore) View(ctx context.Context, fn func(backend.ReadTx) error) error {
	return s.Store.View(ctx, func(tx backend.ReadTx) error {
		s.acted = s.clock()
		return fn(tx)
	})
}

// Update implements [backend.Store].
func (s *timedStore) Update(ctx context.Context, fn func(backend.Tx) error) error {
	return s.Store.Update(ctx, func(tx backend.Tx) error {
		s.acted = s.clock()
		return fn(tx)
	})
}

// answered performs a request.
func answered(ctx context.Context, store backend.Store, al *allocator.Allocator, r request) answer {
	var (
		a        answer
		err      error
		released []backend.Lease
		owner    = backend.Owner{ContainerID: r.id, IfName: faulttest.IfName}
	)
	switch r.command {
	case "ADD":
		var got []allocator.Assignment
		got, err = al.Allocate(ctx, allocator.Request{Owner: owner})
		for _, as := range got {
			a.addrs = append(a.addrs, as.Addr.Addr())
		}
	case "DEL":
		released, err = allocator.Release(ctx, store, owner)
		a.held, a.tells = holdingOf(released), true
	case "CHECK":
		err = al.Check(ctx, owner, r.addrs)
	case "GC":
		released, err = allocator.Collect(ctx, store, owners(r.valid))
		a.held, a.tells = holdingOf(released), true
	case "LIST":
		a.held, err = list(ctx, store)
	}
	a.code, a.err = code(err)
	return a
}

func list(ctx context.Context, store backend.Store) (faulttest.Holding, error) {
	var all []backend.Lease
	err := store.View(ctx, func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			all = append(all, l)
		}
		return nil
	})
	return holdingOf(all), err
}

func holdingOf(leases []backend.Lease) faulttest.Holding {
	h := make(faulttest.Holding)
	for _, l := range leases {
		h[l.Owner.ContainerID] = append(h[l.Owner.ContainerID], l.Addr)
	}
	return h
}

func owners(ids []string) []backend.Owner {
	var all []backend.Owner
	for _, id := range ids {
		all = append(all, backend.Owner{ContainerID: id, IfName: faulttest.IfName})
	}
	return all
}

// code returns the code that the plugin gives an error, if it is one to be expected.
func code(err error) (uint, error) {
	var (
		full  *allocator.ExhaustedError
		twice *allocator.DuplicateError
		lost  *allocator.MissingError
	)
	switch {
	case err == nil:
		return succeeded, nil
	case errors.As(err, &full):
		return exhausted, nil
	case errors.As(err, &twice):
		return duplicate, nil
	case errors.As(err, &lost):
		return missing, nil
	case errors.Is(err, backend.ErrBusy):
		return tryAgain, nil
	}
	return succeeded, err
}
