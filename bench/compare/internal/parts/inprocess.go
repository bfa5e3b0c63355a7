package parts

import (
	"context"
	"fmt"
	"slices"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

func inprocess() Part {
	return Part{
		Name: "inprocess",
		Text: `The library, linked: goroutines of one process share a store. A lease is an address that is
acquired for a new container and the release of one that was acquired long before. bolt, files
and memory are this project's allocator on its stores. What is on a disk is synced before an
address is returned (on tmpfs a sync does nothing). A turn has up to 32,000 leases of bolt, 512 of
podman-layout, and 64 of files, or one for each goroutine where that is more.

"podman-layout" is leases as Podman keeps them, without the rest of Podman: a bbolt file that
is opened and closed for each step, a bucket for containers and one for addresses, a search
that goes on from the last address, and releases that read before they write. Podman's own
lock is here a mutex, and only the container ID is recorded.`,
		Pairs: []report.Pair{
			{Of: peers.Podman, To: peers.Bolt}, {Of: peers.Files, To: peers.Bolt}, {Of: peers.BoltBefore, To: peers.Bolt},
		},
		Run: func(ctx context.Context, e *Env) error {
			return measureInprocess(ctx, e, []int{1, 8, 64, 512}, pick(e, 1, 4))
		},
	}
}

// leasesInTurn returns how many leases a peer makes in a turn: as many as take some tenths of a
// second where that is known to be possible, that number of times fewer, and no fewer than there
// are goroutines.
func leasesInTurn(peer string, goroutines, fewer int) int {
	most := map[string]int{
		peers.Podman: 512,
		peers.Files:  64, // thousands would take minutes
		peers.Memory: 64_000,
	}[peer]
	if most == 0 { // bolt: goroutines share transactions, so the more there are, the faster
		most = min(1_000*goroutines, 32_000)
	}
	return max(most/fewer, goroutines)
}

// measureInprocess runs BenchmarkAllocate of package bench, a process for each turn.
func measureInprocess(ctx context.Context, e *Env, goroutines []int, fewer int) error {
	names := []string{peers.Files, peers.Bolt, peers.Memory, peers.Podman, peers.BoltBefore}
	names = slices.DeleteFunc(names, func(name string) bool { return e.Programs.Linked(name).Path == "" })
	return e.inEach(func(place Place, dir string) error {
		for _, atOnce := range goroutines {
			k := samples.Key{FS: place.Name, Leases: 1_000, AtOnce: atOnce}
			if err := e.rounds(ctx, place, k, e.times(10, 3), len(names), func(_, i int) error {
				rate, err := e.Programs.Allocate(names[i], dir, atOnce, leasesInTurn(names[i], atOnce, fewer))
				k := k
				k.Store = names[i]
				e.Samples.Add(k, "leases/s", rate)
				return err
			}); err != nil {
				return fmt.Errorf("%d goroutines: %w", atOnce, err)
			}
		}
		return nil
	})
}
