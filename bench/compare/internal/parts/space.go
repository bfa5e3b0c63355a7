package parts

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"runtime"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
	"github.com/leasehold/leasehold/internal/boot"
)

func space() Part {
	return Part{
		Name: "space",
		Text: `Bytes on the disk are the blocks of a store's files and of its directory. bolt has grown by a
transaction for each lease, as by ADDs, and above 65,000 leases by transactions of 100;
"bolt-loaded" was filled at once, as by a migration, and not written to since. "peak" is the
memory of a process that runs an ADD (ru_maxrss), pages of a mapped file included. The small
program that starts it sets a lower limit. "heap" is what the store in memory takes.`,
		Views: []report.View{report.PerLease()},
		Run:   func(ctx context.Context, e *Env) error { return newSpacePlan(e).run(ctx, e) },
	}
}

type spacePlan struct {
	fills  []int // ascending: stores only grow
	rounds int   // of ADDs, whose memory is measured
}

func newSpacePlan(e *Env) spacePlan {
	return spacePlan{
		fills:  pick(e, []int{0, 110, 1_000, 10_000, 65_000, 1_000_000}, []int{0, 1_000, 10_000}),
		rounds: e.times(10, 3),
	}
}

func (p spacePlan) run(ctx context.Context, e *Env) error {
	return e.inEach(func(place, dir string) error {
		subnet := netip.MustParsePrefix("10.0.0.0/8")
		l := peers.NewLineup(e.Programs, dir, []netip.Prefix{subnet},
			peers.Stock, peers.Files, peers.Bolt, peers.EmptyGo)
		for _, fill := range p.fills {
			loaded := peers.NewStore(peers.Bolt, filepath.Join(dir, fmt.Sprint("loaded", fill)), subnet)
			k := samples.Key{FS: place, Leases: fill}
			if err := p.at(ctx, e, l, loaded, k); err != nil {
				return fmt.Errorf("at %d leases: %w", fill, err)
			}
		}
		return nil
	})
}

// at measures everything at one fill.
func (p spacePlan) at(ctx context.Context, e *Env, l peers.Lineup, loaded *peers.Store, k samples.Key) error {
	if err := p.grown(ctx, e, l, k); err != nil {
		return err
	}
	if err := loaded.Load(k.Leases); err != nil {
		return err
	}
	if err := weigh(e, loaded, peers.Loaded, "disk-B", k); err != nil {
		return err
	}
	if err := loaded.Verify(ctx); err != nil {
		return err
	}
	bytes, err := memoryOf(ctx, k.Leases)
	k.Store = peers.Memory
	e.Samples.Add(k, "heap-B", bytes)
	return err
}

// grown fills the stores, and measures them and an ADD on each. With more leases a store
// with a file for each takes as much for each as with maxStock.
func (p spacePlan) grown(ctx context.Context, e *Env, l peers.Lineup, k samples.Key) error {
	l = l.Only(func(one *peers.Peer) bool {
		return k.Leases <= maxStock || one.Name == peers.Bolt || one.Name == peers.EmptyGo
	})
	e.log(k, "filling")
	if err := l.Fill(func(one *peers.Peer) error { return one.Store.Grow(ctx, k.Leases) }); err != nil {
		return err
	}
	for _, one := range l.Stored() {
		if k.Leases == 0 { // a store that was never used does not exist
			if err := addAndDelete(one, func(string, float64) {}); err != nil {
				return err
			}
		}
		if err := weigh(e, one.Store, one.Name, "disk-B", k); err != nil {
			return err
		}
	}
	if e.Programs.Peak.Path == "" {
		return nil
	}
	return e.play(ctx, l, k, 0, p.rounds, func(one *peers.Peer, keep keep) error {
		bytes, err := one.AddPeak(e.Programs.Peak)
		if err != nil {
			return err
		}
		keep("peak-B", bytes)
		_, err = one.DeleteOldest()
		return err
	})
}

// weigh records how much of the disk a store takes.
func weigh(e *Env, s *peers.Store, name, unit string, k samples.Key) error {
	bytes, err := s.DiskUsage()
	k.Store = name
	e.Samples.Add(k, unit, float64(bytes))
	return err
}

// memoryOf returns the bytes that leases take in the store that is kept in memory, in this
// process.
func memoryOf(ctx context.Context, leases int) (float64, error) {
	before := heapInUse()
	s, id := memory.New(), boot.Current().ID
	addr := netip.MustParseAddr("10.0.0.1")
	for first := 0; first < leases; first += 1_000 {
		if err := s.Update(ctx, func(tx backend.Tx) error {
			for c := first; c < min(first+1_000, leases); c++ {
				addr = addr.Next()
				if err := tx.Put(peers.Container(c).Lease(addr, id)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return 0, err
		}
	}
	bytes := max(float64(heapInUse())-float64(before), 0)
	return bytes, s.Close()
}

// heapInUse returns the bytes that are in use.
func heapInUse() uint64 {
	runtime.GC()
	runtime.GC() // what is pooled goes only the second time
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
