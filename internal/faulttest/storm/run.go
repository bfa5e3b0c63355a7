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

// Options say how strong a storm is.
type Options struct {
	Processes  int // at once
	Operations int
	Kills      float64 // the share of the processes that are to be killed
	Migrations int     // to the other kind of store; the network then must not name one
	Seed       uint64
}

// Run has a storm come over a network that holds nothing. The error says what must not
// have happened, which ends the storm. Without one, all that was leased in the storm has
// been released after it.
func Run(ctx context.Context, n faulttest.Network, p faulttest.Programs, o Options) (Report, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &storm{
		Options: o, network: n, programs: p,
		register: newRegister(n, containersOf*o.Processes), fail: cancel,
	}
	began := time.Now()
	var all sync.WaitGroup
	for i := range o.Processes {
		all.Go(func() { s.work(ctx, i) })
	}
	all.Wait()
	report := &s.register.report
	report.Took, report.Peak = time.Since(began), s.living.peak
	err := context.Cause(ctx)
	if err == nil {
		err = s.register.settle(ctx)
	}
	return *report, err
}

type storm struct {
	Options
	network  faulttest.Network
	programs faulttest.Programs
	register *register
	living   living
	next     atomic.Int64 // operation
	fail     context.CancelCauseFunc
}

// work does what is next until everything is done.
func (s *storm) work(ctx context.Context, number int) {
	w := s.worker(number)
	for ctx.Err() == nil {
		n := int(s.next.Add(1))
		if n > s.Operations {
			return
		}
		if err := w.turn(ctx, n); err != nil && ctx.Err() == nil {
			s.fail(err)
		}
	}
}

func (s *storm) worker(number int) *worker {
	w := &worker{
		storm:      s,
		rand:       rand.New(rand.NewPCG(s.Seed, uint64(number))),
		containers: s.register.all[number*containersOf:][:containersOf],
	}
	w.plugin = byProcess(s.network, s.programs.HostLocal, w.started)
	w.tool = byTool(s.network, s.programs.Leasehold, w.started)
	return w
}

// migrates reports whether with the n-th operation comes a migration: they divide a
// storm evenly.
func (o Options) migrates(n int) bool {
	part := func(n int) int { return n * (o.Migrations + 1) / o.Operations }
	return n < o.Operations && part(n) > part(n-1)
}

// crowd keeps the lock until as many processes wait for it as there can be at once. A
// process lives so short that otherwise there are never that many.
func (s *storm) crowd(ctx context.Context) error {
	return stores.Follow(s.network.Path()).View(ctx, func(backend.ReadTx) error {
		for ctx.Err() == nil && s.living.count() < s.Processes-1 && int(s.next.Load()) < s.Operations {
			time.Sleep(time.Millisecond)
		}
		return nil
	})
}
