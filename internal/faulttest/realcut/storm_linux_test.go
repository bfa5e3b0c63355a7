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

// A storm is a number of concurrent processes on a network until the power is cut.
type storm struct {
	faulttest.Network
	programs faulttest.Programs
	powerOff atomic.Bool // the power is about to be cut, or is cut

	mu         sync.Mutex
	containers map[string]*container
	unexpected []error // failures before the cut
	count      counts
}

// A container records what is known about a container.
type container struct {
	addrs   []netip.Addr // held according to the last acknowledged command
	pending bool         // a later ADD or DEL was not acknowledged
}

// counts sum up what happened.
type counts struct{ cuts, adds, dels, migrations, pending, migrationsPending int }

func (c *counts) add(more counts) {
	c.cuts += more.cuts
	c.adds += more.adds
	c.dels += more.dels
	c.migrations += more.migrations
	c.pending += more.pending
	c.migrationsPending += more.migrationsPending
}

func (c counts) String() string {
	return fmt.Sprintf("%d cuts; acknowledged: %d ADDs, %d DELs, %d migrations; %d ADDs and DELs and %d migrations interrupted",
		c.cuts, c.adds, c.dels, c.migrations, c.pending, c.migrationsPending)
}

// run has workers start processes until cut is called after a random time; in most storms, after a command
// was acknowledged, however slow the machine is.
func (s *storm) run(r *rand.Rand, workers int, migrate bool, cut func()) {
	s.containers = make(map[string]*container)
	var all sync.WaitGroup
	for i := range workers {
		own := rand.New(rand.NewPCG(r.Uint64(), 0))
		all.Go(func() { s.work(own, i) })
	}
	if migrate {
		to := rand.New(rand.NewPCG(r.Uint64(), 0))
		all.Go(func() { s.migrate(to) })
	}
	if r.IntN(4) > 0 {
		for began := time.Now(); !s.hasAcknowledged() && time.Since(began) < maxWait; {
			time.Sleep(time.Millisecond)
		}
	}
	time.Sleep(time.Duration(r.IntN(int(maxStorm))))
	s.powerOff.Store(true)
	cut()
	all.Wait()
}

// maxStorm is the maximum duration of a storm, after the wait for a command, which takes maxWait at most.
const (
	maxStorm = 150 * time.Millisecond
	maxWait  = 10 * time.Second
)

func (s *storm) hasAcknowledged() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count.adds+s.count.dels+s.count.migrations > 0
}

// work adds and deletes containers. Their names contain the number of the worker.
func (s *storm) work(r *rand.Rand, worker int) {
	var there []string
	for next := 0; !s.powerOff.Load(); {
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
		*f = container{addrs: addrs}
		s.count.adds++
	case faulttest.Code(err) == hostlocal.CodeExhausted:
		*f = container{}
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
	*f = container{}
	s.count.dels++
}

// begin returns the container's record, marked as pending.
func (s *storm) begin(id string) *container {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.containers[id]
	if f == nil {
		f = new(container)
		s.containers[id] = f
	}
	f.pending = true
	return f
}

// failed records a failure, which is expected only after the cut.
func (s *storm) failed(what string, err error) {
	if s.powerOff.Load() {
		s.count.pending++
		return
	}
	s.unexpected = append(s.unexpected, fmt.Errorf("%s: %w", what, err))
}

// migrate migrates the store back and forth.
func (s *storm) migrate(r *rand.Rand) {
	for !s.powerOff.Load() {
		time.Sleep(time.Duration(r.IntN(int(maxStorm / 4))))
		if kind, err := stores.KindAt(s.Path()); err == nil && kind == stores.None {
			continue // There was no ADD yet.
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
	case s.powerOff.Load():
		s.count.migrationsPending++
	default:
		s.unexpected = append(s.unexpected, fmt.Errorf("migrate: %w: %s", err, out))
	}
}

// check checks that everything acknowledged survived, and nothing else.
func (s *storm) check(ctx context.Context) error {
	held, err := s.Verify(ctx)
	if err != nil {
		return err
	}
	for id, f := range s.containers {
		got := held[id]
		undecided := f.pending && (f.addrs == nil || got == nil) // A pending command is done or not.
		if !undecided && !slices.Equal(got, f.addrs) {
			return fmt.Errorf("%s: acknowledged %v, found %v", id, f.addrs, got)
		}
		delete(held, id)
	}
	if len(held) > 0 {
		return fmt.Errorf("never requested: %v", held)
	}
	return s.Exercise(ctx)
}
