package storm

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/stores"
)

// Options describe a storm.
type Options struct {
	Processes  int // at once
	Operations int
	Kills      float64 // the share of processes to kill
	Migrations int     // to the other store; the network must then not name one
	Seed       uint64
}

// Run runs a storm on an empty network. The first impossible answer ends the storm and is
// returned as the error. Afterwards Run checks the store and releases all leases.
func Run(ctx context.Context, n faulttest.Network, p faulttest.Programs, o Options) (Report, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &storm{
		Options: o, network: n, programs: p,
		oracle: newOracle(n, containersOf*o.Processes), fail: cancel,
	}
	began := time.Now()
	var all sync.WaitGroup
	for i := range o.Processes {
		all.Go(func() { s.work(ctx, i) })
	}
	all.Wait()
	report := &s.oracle.report
	report.Took, report.Peak = time.Since(began), s.processSet.peak
	err := context.Cause(ctx)
	if err == nil {
		err = s.oracle.verify(ctx)
	}
	return *report, err
}

type storm struct {
	Options
	network    faulttest.Network
	programs   faulttest.Programs
	oracle     *oracle
	processSet processSet
	next       atomic.Int64 // operation
	fail       context.CancelCauseFunc
}

// work performs operations until none is left.
func (s *storm) work(ctx context.Context, number int) {
	w := s.worker(number)
	for ctx.Err() == nil {
		n := int(s.next.Add(1))
		if n > s.Operations {
			return
		}
		if err := w.perform(ctx, n); err != nil && ctx.Err() == nil {
			s.fail(err)
		}
	}
}

func (s *storm) worker(number int) *worker {
	w := &worker{
		storm:      s,
		rand:       rand.New(rand.NewPCG(s.Seed, uint64(number))),
		containers: s.oracle.all[number*containersOf:][:containersOf],
	}
	w.plugin = byProcess(s.network, s.programs.HostLocal, w.started)
	w.tool = byTool(s.network, s.programs.Leasehold, w.started)
	return w
}

// migrates reports whether a migration starts with the nth operation. Migrations are spread
// evenly.
func (o Options) migrates(n int) bool {
	part := func(n int) int { return n * (o.Migrations + 1) / o.Operations }
	return n < o.Operations && part(n) > part(n-1)
}

// holdLockUntilCrowded holds the lock until the maximum number of processes waits for it.
// Processes are so short-lived that otherwise there are never that many.
func (s *storm) holdLockUntilCrowded(ctx context.Context) error {
	return stores.Follow(s.network.Path()).View(ctx, func(backend.ReadTx) error {
		for ctx.Err() == nil && s.processSet.count() < s.Processes-1 && int(s.next.Load()) < s.Operations {
			time.Sleep(time.Millisecond)
		}
		return nil
	})
}
