package parts

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

func inprocess() Part {
	return Part{
		Name: "inprocess",
		Text: `The library, linked: goroutines of one process share a store. They acquire an address for each of
many new containers, then release as many, the oldest ones in random order, in laps of no
more leases than are held between laps. The time runs from the moment that all goroutines
may begin until the last one is done. bolt, files and memory are this project's allocator on
its stores. What is on a file system is synced before an address is returned (on tmpfs a
sync does nothing). A turn has up to 32,000 leases of bolt, 512 of podman-layout, and 64 of
files and go-ipam, or one for each goroutine where that is more.

"podman-layout" is leases as Podman keeps them, without the rest of Podman: a bbolt file that
is opened and closed for each step, a bucket for containers and one for addresses, a search
that goes on from the last address, and releases that read before they write. Podman's own
lock is here a mutex, and only the container ID is recorded. "go-ipam" is
github.com/metal-stack/go-ipam v1.13.0 in memory, with a map of holders and a mutex.`,
		Pairs: []report.Pair{
			{Of: peers.Podman, To: peers.Bolt}, {Of: peers.Files, To: peers.Bolt}, {Of: peers.GoIPAM, To: peers.Memory},
		},
		Run: func(ctx context.Context, e *Env) error { return newInprocessPlan(e).run(ctx, e) },
	}
}

// inMemory is the place of stores that are on no file system.
const inMemory = "memory"

// maxFilesInprocess is the largest fill of the files store: it reads all names for each
// lease that it makes.
const maxFilesInprocess = 1_000

type inprocessPlan struct {
	fills      []int
	goroutines []int // numbers of them at once
	fewer      int   // a turn has that many times fewer leases
	rounds     int
}

func newInprocessPlan(e *Env) inprocessPlan {
	return inprocessPlan{
		fills:      pick(e, []int{1_000, 10_000}, []int{1_000}),
		goroutines: []int{1, 8, 64, 512},
		fewer:      pick(e, 1, 4),
		rounds:     e.times(10, 3),
	}
}

// turn returns how many leases a peer makes in a turn: as many as take some tenths of a
// second where that is known to be possible, and no fewer than there are goroutines.
func (p inprocessPlan) turn(peer string, goroutines int) int {
	leases := 0
	switch peer {
	case peers.Bolt: // goroutines share transactions: the more there are, the faster
		leases = min(1_000*goroutines, 32_000)
	case peers.Podman:
		leases = 512
	case peers.Files, peers.GoIPAM: // thousands would take minutes
		leases = 64
	case peers.Memory:
		leases = 64_000
	}
	return max(leases/p.fewer, goroutines)
}

func inprocessSubnet() netip.Prefix { return netip.MustParsePrefix("10.0.0.0/16") }

func (p inprocessPlan) run(ctx context.Context, e *Env) error {
	if err := e.inEach(func(place, dir string) error {
		for _, fill := range p.fills {
			names := []string{peers.Bolt, peers.Podman}
			if fill <= maxFilesInprocess {
				names = append(names, peers.Files)
			}
			if err := p.at(ctx, e, place, fill, filepath.Join(dir, fmt.Sprint(fill)), names...); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for _, fill := range p.fills {
		if err := p.at(ctx, e, inMemory, fill, "", peers.Memory, peers.GoIPAM); err != nil {
			return err
		}
	}
	return nil
}

// at fills stores below dir, and measures them with each number of goroutines.
func (p inprocessPlan) at(ctx context.Context, e *Env, place string, fill int, dir string, names ...string) error {
	k := samples.Key{FS: place, Leases: fill}
	e.log(k, "filling")
	var all []*leasing
	for _, name := range names {
		l, err := peers.NewLeaser(ctx, name, dir, inprocessSubnet())
		if err != nil {
			return err
		}
		one := newLeasing(name, l)
		all = append(all, one)
		if _, err := one.acquire(ctx, 64, fill); err != nil {
			return fmt.Errorf("filling: %w", err)
		}
	}
	for _, k.AtOnce = range p.goroutines {
		if err := p.play(ctx, e, all, k); err != nil {
			return fmt.Errorf("at %d leases, %d goroutines: %w", fill, k.AtOnce, err)
		}
	}
	return nil
}

func (p inprocessPlan) play(ctx context.Context, e *Env, all []*leasing, k samples.Key) error {
	const warmUps = 1
	if err := e.rounds(ctx, k, warmUps+p.rounds, len(all), func(round, i int) error {
		runtime.GC() // so that a peer does not pay for another's garbage
		k := k
		k.Store = all[i].name
		t, err := all[i].turn(ctx, k.AtOnce, p.turn(k.Store, k.AtOnce), k.Leases)
		if err == nil && round >= warmUps {
			e.Samples.Add(k, "acquired/s", float64(t.leases)/t.acquiring.Seconds())
			e.Samples.Add(k, "released/s", float64(t.leases)/t.releasing.Seconds())
		}
		return err
	}); err != nil {
		return err
	}
	for _, one := range all {
		if err := one.verify(ctx); err != nil {
			return err
		}
	}
	return nil
}

// A leasing is a linked peer and the leases that it must hold.
type leasing struct {
	name string
	peers.Leaser
	store  *peers.Store // not on a disk: it only records
	random *rand.Rand
}

func newLeasing(name string, l peers.Leaser) *leasing {
	random := rand.New(rand.NewPCG(1, 2)) // the same for all
	return &leasing{name, l, peers.NewStore("", "", inprocessSubnet()), random}
}

// A tally is how long a turn took, in all of its laps.
type tally struct {
	leases               int
	acquiring, releasing time.Duration
}

// turn makes and ends some n leases, in laps of equal length of no more leases than are held
// between them: so a lap releases nothing that it has acquired, and a store never
// holds more than twice as many as between laps.
func (l *leasing) turn(ctx context.Context, goroutines, n, held int) (tally, error) {
	var t tally
	laps := (n + held - 1) / held
	for range laps {
		acquiring, err := l.acquire(ctx, goroutines, n/laps)
		if err != nil {
			return t, err
		}
		releasing, err := l.release(ctx, goroutines, n/laps)
		if err != nil {
			return t, err
		}
		t = tally{t.leases + n/laps, t.acquiring + acquiring, t.releasing + releasing}
	}
	return t, nil
}

// acquire leases an address to each of n new containers. Which one a container gets depends
// on the order of the goroutines; that no other holds it does not.
func (l *leasing) acquire(ctx context.Context, goroutines, n int) (time.Duration, error) {
	some, requests := make([]peers.Attachment, n), make([]allocator.Request, n)
	for i := range some {
		c := l.store.Newcomer()
		some[i] = peers.Attachment{Container: c, Addrs: make([]netip.Addr, 1)}
		requests[i] = allocator.Request{Owner: c.Owner(), Pod: c.Pod(), Netns: c.Netns()}
	}
	took, err := together(ctx, goroutines, n, func(ctx context.Context, i int) (err error) {
		some[i].Addrs[0], err = l.Acquire(ctx, requests[i])
		return err
	})
	for _, a := range some {
		if err == nil {
			err = l.store.Added(a)
		}
	}
	return took, l.explain("acquire", err)
}

// release ends the n oldest leases, in random order.
func (l *leasing) release(ctx context.Context, goroutines, n int) (time.Duration, error) {
	owners, addrs := make([]backend.Owner, n), make([]netip.Addr, n)
	for i := range n {
		a := l.store.Remove(0)
		owners[i], addrs[i] = a.Container.Owner(), a.Addrs[0]
	}
	l.random.Shuffle(n, func(i, j int) {
		owners[i], owners[j] = owners[j], owners[i]
		addrs[i], addrs[j] = addrs[j], addrs[i]
	})
	took, err := together(ctx, goroutines, n, func(ctx context.Context, i int) error {
		return l.Release(ctx, owners[i], addrs[i])
	})
	return took, l.explain("release", err)
}

// verify returns an error unless the store holds exactly what it must hold.
func (l *leasing) verify(ctx context.Context) error {
	got, err := l.Holders(ctx)
	if err == nil {
		err = l.store.Compare(got)
	}
	return l.explain("verify", err)
}

func (l *leasing) explain(what string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s of %s: %w", what, l.name, err)
	}
	return err
}

// together has goroutines call do with each of 0 to n-1, and returns how long that took,
// from the moment that all may begin until the last has ended. After the first error
// nothing more is begun.
func together(ctx context.Context, goroutines, n int, do func(ctx context.Context, i int) error) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var begun atomic.Int64
	start := make(chan struct{})
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			<-start
			for ctx.Err() == nil {
				i := int(begun.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(ctx, i); err != nil {
					cancel(err) // the first error counts: others may follow from it
					return
				}
			}
		})
	}
	began := time.Now()
	close(start)
	all.Wait()
	return time.Since(began), context.Cause(ctx)
}
