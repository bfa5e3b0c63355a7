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

// Workers describe who works on a network while a history is recorded.
type Workers struct {
	Processes  int     // workers that start a process for each operation
	Goroutines int     // workers that share one open store
	Operations int     // of each worker
	Kills      float64 // the share of processes to kill
	Migrates   bool    // migrate the network back and forth all the time
	Seed       uint64
}

// Record runs workers on an empty network of at most 16 addresses of each family, and
// records their operations. It returns an error for an answer that is wrong in any history.
func Record(ctx context.Context, n faulttest.Network, p faulttest.Programs, c Workers) (History, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &recorder{Workers: c, network: n, programs: p, fail: cancel, lastAnswer: make(map[string][]netip.Addr)}
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
	return History{modelOf(n), r.operations, r.servedAt}, context.Cause(ctx)
}

func modelOf(n faulttest.Network) model {
	return model{
		size: n.Size, families: n.Families(),
		repeat:       n.Keys["onDuplicate"] == "return",
		cursorIsHint: n.Backend != config.Bolt,
		cools:        n.Backend == config.Bolt && n.Keys["reuseAfter"] != nil,
		withholds:    n.Backend == config.Bolt && n.Keys["reuseAfterStrict"] == true,
		prefers:      n.Backend == config.Bolt && n.Keys["prefer"] != nil,
	}
}

type recorder struct {
	Workers
	network    faulttest.Network
	programs   faulttest.Programs
	library    performer
	processSet processSet
	fail       context.CancelCauseFunc
	clock      atomic.Int64

	mu         sync.Mutex
	operations []porcupine.Operation
	servedAt   []int64
	lastAnswer map[string][]netip.Addr // the last answer to an ADD of each container
}

// work runs the operations of one worker.
func (r *recorder) work(ctx context.Context, number int) {
	rnd := rand.New(rand.NewPCG(r.Seed, uint64(number)))
	perform := r.library
	if number < r.Processes {
		perform = byProcess(r.network, r.programs.HostLocal, func(p *os.Process) (ended func()) {
			if rnd.Float64() < r.Kills {
				r.processSet.killLater(rnd, p)
			}
			return r.processSet.add(p)
		})
	}
	for range r.Operations {
		request, by := r.choose(rnd), perform
		if request.command == "LIST" {
			by = r.library // The plugin has no LIST.
		}
		if ctx.Err() == nil {
			r.record(ctx, number, by, request)
		}
	}
}

// choose returns a random request. There are a few more containers than addresses, and any
// worker may use any of them.
func (r *recorder) choose(rnd *rand.Rand) request {
	containers := r.network.Size + spareContainers
	id := containerID(int8(1 + rnd.IntN(containers)))
	switch p := rnd.IntN(100); {
	case p < 45:
		return request{command: "ADD", id: id}
	case p < 75:
		return request{command: "DEL", id: id}
	case p < 90:
		r.mu.Lock()
		defer r.mu.Unlock()
		return request{command: "CHECK", id: id, addrs: r.lastAnswer[id]}
	case p < 97:
		return request{command: "LIST"}
	}
	gc := request{command: "GC"}
	for number := range containers {
		if rnd.IntN(3) > 0 {
			gc.valid = append(gc.valid, containerID(int8(1+number)))
		}
	}
	return gc
}

// record performs a request and adds it to the history.
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
		r.lastAnswer[what.id] = a.addrs
	}
	r.operations = append(r.operations, porcupine.Operation{
		ClientId: number, Input: in, Call: began, Output: out, Return: ended,
	})
	r.servedAt = append(r.servedAt, a.servedAt)
}

// migrate migrates the network back and forth until ctx ends.
func (r *recorder) migrate(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		time.Sleep(rand.N(2 * time.Millisecond))
		to, err := otherKind(r.network)
		if err == nil && to != stores.None {
			_, err = migrate.Run(context.WithoutCancel(ctx), r.network.Path(), migrate.Options{
				To: to, LockTimeout: 30 * time.Second,
				Now: time.Now().Add(time.Duration(i) * time.Millisecond), // unique to the millisecond
			})
		}
		if err != nil {
			r.fail(fmt.Errorf("migrate: %w", err))
		}
	}
}
