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

// byLibrary returns a performer that runs in this process, like a runtime that links the
// allocator: all goroutines share one open store. It records the time at which the store
// performs each request.
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
			History:             c.History,
			Cooldown:            c.Cooldown,
			Prefer:              c.Prefer,
			Boot:                boot.Current(),
			ReleaseEarlierBoots: c.OnReboot.Releases(kind),
		})
		answer := performInProcess(ctx, timed, a, n.Pod(r.id), r)
		answer.servedAt = timed.servedAt
		return answer
	}, nil
}

// A timedStore records when it last ran a View or, if there is any, the first Update: after one that finds no
// address, an Allocate can note what its configuration says.
type timedStore struct {
	backend.Store
	clock    func() int64
	servedAt int64
	updated  bool
}

// View implements [backend.Store].
func (s *timedStore) View(ctx context.Context, fn func(backend.ReadTx) error) error {
	return s.Store.View(ctx, func(tx backend.ReadTx) error {
		s.servedAt = s.clock()
		return fn(tx)
	})
}

// Update implements [backend.Store].
func (s *timedStore) Update(ctx context.Context, fn func(backend.Tx) error) error {
	first := !s.updated
	s.updated = true
	return s.Store.Update(ctx, func(tx backend.Tx) error {
		if first {
			s.servedAt = s.clock()
		}
		return fn(tx)
	})
}

// performInProcess performs a request, for a container of a pod, with the allocator.
func performInProcess(ctx context.Context, store backend.Store, al *allocator.Allocator, pod backend.Pod, r request) answer {
	var (
		a        answer
		err      error
		released []backend.Lease
		owner    = backend.Owner{ContainerID: r.id, IfName: faulttest.IfName}
	)
	switch r.command {
	case "ADD":
		var got []allocator.Assignment
		got, err = al.Allocate(ctx, allocator.Request{Owner: owner, Pod: pod})
		for _, as := range got {
			a.addrs = append(a.addrs, as.Addr.Addr())
		}
	case "DEL":
		released, err = allocator.Release(ctx, store, owner)
		a.held, a.hasHeld = groupByContainer(released), true
	case "CHECK":
		err = al.Check(ctx, owner, r.addrs)
	case "GC":
		released, err = allocator.Collect(ctx, store, owners(r.valid))
		a.held, a.hasHeld = groupByContainer(released), true
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
	return groupByContainer(all), err
}

func groupByContainer(leases []backend.Lease) faulttest.Holding {
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

// code returns the code that the plugin gives an expected error. Any other error is
// returned.
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
