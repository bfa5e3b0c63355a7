package storm

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/migrate"
	"github.com/leasehold/leasehold/internal/stores"
)

// A Crew is who works on a network while a history is recorded.
type Crew struct {
	Processes  int     // workers of which each operation is a process
	Goroutines int     // workers that share one open store
	Operations int     // of each worker
	Kills      float64 // the share of the processes that are to be killed
	Migrates   bool    // the network goes from one kind of store to the other all the time
	Seed       uint64
}

// Record has a crew work on a network of at most 16 addresses of each family, which holds
// nothing, and records what it does. An error is what can be in no history.
func Record(ctx context.Context, n faulttest.Network, p faulttest.Programs, c Crew) (History, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &recorder{Crew: c, network: n, programs: p, fail: cancel, told: make(map[string][]netip.Addr)}
	var err error
	if r.library, err = byLibrary(n, func() int64 { return r.clock.Add(1) }); err != nil {
		return History{}, err
	}
	var workers, migrations sync.WaitGroup
	for i := range c.Processes + c.Goroutines {
		workers.Go(func() { r.work(ctx, i) })
	}
	worked, stop := context.WithCancel(ctx)
	defer stop()
	if c.Migrates {
		migrations.Go(func() { r.migrate(worked) })
	}
	workers.Wait()
	stop()
	migrations.Wait()
	r.record(ctx, 0, r.library, request{command: "LIST"})
	return History{modelOf(n), r.operations, r.acted}, context.Cause(ctx)
}

// modelOf returns the model of a network.
func modelOf(n faulttest.Network) model {
	return model{
		size: n.Size, families: n.Families(),
		repeat: n.Keys["onDuplicate"] == "return",
		hint:   n.Backend != config.Bolt,
	}
}

type recorder struct {
	Crew
	network  faulttest.Network
	programs faulttest.Programs
	library  performer
	living   living
	fail     context.CancelCauseFunc
	clock    atomic.Int64

	mu         sync.Mutex
	operations []porcupine.Operation
	acted      []int64
	told       map[string][]netip.Addr // what each container was told last
}

// work has a worker do its part.
func (r *recorder) work(ctx context.Context, number int) {
	rnd := rand.New(rand.NewPCG(r.Seed, uint64(number)))
	perform := r.library
	if number < r.Processes {
		perform = byProcess(r.network, r.programs.HostLocal, func(p *os.Process) (ended func()) {
			if rnd.Float64() < r.Kills {
				r.living.doom(rnd, p)
			}
			return r.living.enter(p)
		})
	}
	for range r.Operations {
		request, by := r.choose(rnd), perform
		if request.command == "LIST" {
			by = r.library // No plugin can.
		}
		if ctx.Err() == nil {
			r.record(ctx, number, by, request)
		}
	}
}

// choose draws a request. There are a few more containers than addresses, and any worker
// asks for any of them.
func (r *recorder) choose(rnd *rand.Rand) request {
	containers := r.network.Size + 4
	id := nameOf(int8(1 + rnd.IntN(containers)))
	switch p := rnd.IntN(100); {
	case p < 45:
		return request{command: "ADD", id: id}
	case p < 75:
		return request{command: "DEL", id: id}
	case p < 90:
		r.mu.Lock()
		defer r.mu.Unlock()
		return request{command: "CHECK", id: id, addrs: r.told[id]}
	case p < 97:
		return request{command: "LIST"}
	}
	gc := request{command: "GC"}
	for who := range containers {
		if rnd.IntN(3) > 0 {
			gc.valid = append(gc.valid, nameOf(int8(1+who)))
		}
	}
	return gc
}

// record has a request performed and enters it in the history.
func (r *recorder) record(ctx context.Context, number int, perform performer, what request) {
	began := r.clock.Add(1)
	a := perform(ctx, what)
	ended := r.clock.Add(1)
	in, inErr := callOf(r.network, what)
	out, outErr := outcomeOf(r.network, a)
	if err := cmp.Or(a.err, inErr, outErr); err != nil {
		r.fail(fmt.Errorf("%s of %q: %w", what.command, what.id, err))
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if what.command == "ADD" && len(a.addrs) > 0 {
		r.told[what.id] = a.addrs
	}
	r.operations = append(r.operations, porcupine.Operation{
		ClientId: number, Input: in, Call: began, Output: out, Return: ended,
	})
	r.acted = append(r.acted, a.acted)
}

// migrate moves the network to and fro until ctx ends.
func (r *recorder) migrate(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		time.Sleep(rand.N(2 * time.Millisecond))
		to, err := otherKind(r.network)
		if err == nil && to != stores.None {
			_, err = migrate.Run(context.WithoutCancel(ctx), r.network.Path(), migrate.Options{
				To: to, LockTimeout: 30 * time.Second,
				Now: time.Now().Add(time.Duration(i) * time.Millisecond), // no two in one millisecond
			})
		}
		if err != nil {
			r.fail(fmt.Errorf("migrate: %w", err))
		}
	}
}
