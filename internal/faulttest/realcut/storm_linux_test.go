package realcut

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/hostlocal"
	"github.com/leasehold/leasehold/internal/stores"
)

// A storm is processes on a network, several at once, until the power is cut.
type storm struct {
	faulttest.Network
	programs faulttest.Programs
	off      atomic.Bool // the power is about to be cut, or has been

	mu      sync.Mutex
	fates   map[string]*fate
	strange []error // what failed while there was power
	count   counts
}

// A fate is what is known of a container.
type fate struct {
	addrs []netip.Addr // what it holds, by what was acknowledged last
	open  bool         // an ADD or a DEL after that was not
}

// The counts say how much has happened.
type counts struct{ cuts, adds, dels, migrations, open, moving int }

func (c *counts) add(more counts) {
	c.cuts += more.cuts
	c.adds += more.adds
	c.dels += more.dels
	c.migrations += more.migrations
	c.open += more.open
	c.moving += more.moving
}

func (c counts) String() string {
	return fmt.Sprintf("%d cuts; acknowledged: %d ADDs, %d DELs, %d migrations; %d ADDs and DELs and %d migrations under way",
		c.cuts, c.adds, c.dels, c.migrations, c.open, c.moving)
}

// rage has workers start processes until the power is cut, after some time.
func (s *storm) rage(r *rand.Rand, workers int, migrate bool, cut func()) {
	s.fates = make(map[string]*fate)
	var all sync.WaitGroup
	for i := range workers {
		own := rand.New(rand.NewPCG(r.Uint64(), 0))
		all.Go(func() { s.work(own, i) })
	}
	if migrate {
		to := rand.New(rand.NewPCG(r.Uint64(), 0))
		all.Go(func() { s.migrate(to) })
	}
	time.Sleep(time.Duration(r.IntN(int(longest))))
	s.off.Store(true)
	cut()
	all.Wait()
}

// longest is how long a storm may rage.
const longest = 150 * time.Millisecond

// work has containers come and go, whose names tell the worker.
func (s *storm) work(r *rand.Rand, worker int) {
	var there []string
	for next := 0; !s.off.Load(); {
		if len(there) > 0 && r.IntN(5) < 2 {
			i := r.IntN(len(there))
			s.del(there[i])
			there = slices.Delete(there, i, i+1)
			continue
		}
		id := fmt.Sprintf("w%d-%d", worker, next)
		next++
		if s.add(id) {
			there = append(there, id)
		}
	}
}

func (s *storm) add(id string) (ok bool) {
	n := s.Network
	n.Program = s.programs.HostLocal
	f := s.begin(id)
	addrs, err := n.Add(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		*f = fate{addrs: addrs}
		s.count.adds++
	case faulttest.Code(err) == hostlocal.CodeExhausted:
		*f = fate{}
	default:
		s.failed("ADD of "+id, err)
	}
	return err == nil
}

func (s *storm) del(id string) {
	n := s.Network
	n.Program = s.programs.HostLocal
	f := s.begin(id)
	err := n.Del(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failed("DEL of "+id, err)
		return
	}
	*f = fate{}
	s.count.dels++
}

// begin returns the fate of a container, which is open from now on.
func (s *storm) begin(id string) *fate {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.fates[id]
	if f == nil {
		f = new(fate)
		s.fates[id] = f
	}
	f.open = true
	return f
}

// failed notes what may fail only when the power is cut.
func (s *storm) failed(what string, err error) {
	if s.off.Load() {
		s.count.open++
		return
	}
	s.strange = append(s.strange, fmt.Errorf("%s: %w", what, err))
}

// migrate moves the store to and fro.
func (s *storm) migrate(r *rand.Rand) {
	for !s.off.Load() {
		time.Sleep(time.Duration(r.IntN(int(longest / 4))))
		if kind, err := stores.Standing(s.Path()); err == nil && kind == stores.None {
			continue // The first ADD is still to come.
		}
		to := []string{config.Files, config.Bolt}[r.IntN(2)]
		out, err := s.Tool(s.programs.Leasehold, "migrate", faulttest.Name, "--to", to).CombinedOutput()
		s.migrated(out, err)
	}
}

func (s *storm) migrated(out []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.count.migrations++
	case s.off.Load():
		s.count.moving++
	default:
		s.strange = append(s.strange, fmt.Errorf("migrate: %w: %s", err, out))
	}
}

// check returns what does not hold of what was acknowledged.
func (s *storm) check(ctx context.Context) error {
	held, err := s.Verify(ctx)
	if err != nil {
		return err
	}
	for id, f := range s.fates {
		got := held[id]
		undecided := f.open && (f.addrs == nil || got == nil) // What was under way is done, or is not.
		if !undecided && !slices.Equal(got, f.addrs) {
			return fmt.Errorf("%s: acknowledged is %v, and there is %v", id, f.addrs, got)
		}
		delete(held, id)
	}
	if len(held) > 0 {
		return fmt.Errorf("nobody has asked for %v", held)
	}
	return s.Exercise(ctx)
}
