package parts

import (
	"context"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/internal/measure"
)

func space() Part {
	return Part{
		Name: "space",
		Text: `Bytes on the disk are the blocks of a store's files and of its directory. bolt has grown by a
transaction for each lease, as by ADDs, and above 65,000 leases by transactions of 100. "peak" is
the memory of a process that runs an ADD (ru_maxrss), pages of a mapped file included. The small
program that starts it sets a lower limit.`,
		Views: []report.View{{Title: "for each lease", Unit: "-B", Cell: func(values []float64, leases int) float64 {
			return measure.Median(values) / float64(max(leases, 1))
		}}},
		Run: func(ctx context.Context, e *Env) error { return e.play(ctx, spaceScene(e)) },
	}
}

// spaceScene has ADDs, whose memory is measured. With more leases than manyLeases a store with a
// file for each takes as much for each as with that number.
func spaceScene(e *Env) scene {
	return scene{
		subnets: subnets("10.0.0.0/8"),
		peers:   []string{peers.Stock, peers.Files, peers.Bolt, peers.EmptyGo},
		leases:  pick(e, []int{0, 110, 1_000, 10_000, 65_000, 1_000_000}, []int{0, 1_000, 10_000}),
		most:    map[string]int{peers.Stock: manyLeases, peers.Files: manyLeases},
		rounds:  e.times(10, 3),
		filled:  weighUsed,
		turn: func(_ context.Context, t *turn) error {
			bytes, err := t.AddPeak(e.Programs.Peak)
			if err != nil {
				return err
			}
			t.keep("peak-B", bytes)
			_, err = t.DeleteOldest()
			return err
		},
	}
}

// weighUsed weighs a store that was used at least once: before that it does not exist.
func weighUsed(t *turn) error {
	if t.Store.Len() == 0 {
		if _, err := t.Add(); err != nil {
			return err
		}
		if _, err := t.DeleteOldest(); err != nil {
			return err
		}
	}
	return t.weigh("disk-B")
}
