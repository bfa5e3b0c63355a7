package bench

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// BenchmarkRead has containers come one after the other while all leases are read again and
// again: in one transaction, or as ReadLeases does, in turns. It reports how long the worst
// ADD took, the median of all turns, the ratio of both, and how long it took to read.
func BenchmarkRead(b *testing.B) {
	for _, k := range []kind{filesKind(), boltKind()} {
		for _, n := range []int{1_000, 10_000, 65_000} {
			b.Run(fmt.Sprintf("store=%s/leases=%d", k.name, n), func(b *testing.B) {
				path := filepath.Join(b.TempDir(), "net")
				require.NoError(b, k.create(path, content(n)))
				var one, portions reading
				for range b.N {
					one.turn(b, k, path, readAtOnce)
					portions.turn(b, k, path, allocator.ReadLeases)
				}
				var ratios []float64
				for i := range one.worst {
					ratios = append(ratios, float64(one.worst[i])/float64(portions.worst[i]))
				}
				slices.Sort(ratios)
				b.ReportMetric(ms(median(one.worst)), "ms-worst-one")
				b.ReportMetric(ms(median(portions.worst)), "ms-worst-portions")
				b.ReportMetric(ratios[len(ratios)/2], "worst-one/portions")
				b.ReportMetric(ms(median(one.took)), "ms-read-one")
				b.ReportMetric(ms(median(portions.took)), "ms-read-portions")
			})
		}
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// A reading is what a way to read has cost, turn by turn.
type reading struct{ worst, took []time.Duration }

func (r *reading) turn(b *testing.B, k kind, path string, read func(context.Context, backend.Store) ([]backend.Lease, error)) {
	store, err := k.open(path)
	require.NoError(b, err)
	var all sync.WaitGroup
	done := make(chan struct{})
	all.Go(func() {
		defer close(done)
		const often = 5 // so that ADDs come at every moment of it
		for range often {
			before := time.Now()
			if _, err := read(b.Context(), store); err != nil {
				b.Error(err)
			}
			r.took = append(r.took, time.Since(before))
			time.Sleep(between)
		}
	})
	beside := adds(b, k, path, func(int) bool {
		select {
		case <-done:
			return false
		default:
			return true
		}
	})
	all.Wait()
	r.worst = append(r.worst, slices.Max(beside))
}

func readAtOnce(ctx context.Context, store backend.Store) (leases []backend.Lease, err error) {
	err = store.View(ctx, func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			leases = append(leases, l)
		}
		return nil
	})
	return leases, err
}
