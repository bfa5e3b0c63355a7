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

// between two containers that come while leases are released.
const between = 20 * time.Millisecond

// BenchmarkRelease has containers come one after the other while many leases are released:
// all in one transaction, or as ReleaseUnchanged does. It reports how long an ADD took, the
// median and the worst, and how long the worst of some took before.
func BenchmarkRelease(b *testing.B) {
	for _, k := range []kind{filesKind(), boltKind()} {
		for _, way := range []struct {
			name    string
			release func(context.Context, backend.Store, []backend.Lease) ([]backend.Lease, error)
		}{{"one", releaseAtOnce}, {"portions", allocator.ReleaseUnchanged}} {
			for _, n := range []int{1_000, 10_000, 65_000} {
				b.Run(fmt.Sprintf("store=%s/way=%s/leases=%d", k.name, way.name, n), func(b *testing.B) {
					for range b.N {
						releaseBeside(b, k, n, way.release)
					}
				})
			}
		}
	}
}

func releaseAtOnce(ctx context.Context, store backend.Store, leases []backend.Lease) ([]backend.Lease, error) {
	return leases, store.Update(ctx, func(tx backend.Tx) error {
		for _, l := range leases {
			if _, err := tx.Lease(l.Addr); err != nil {
				return err
			}
			if err := tx.Delete(l.Addr); err != nil {
				return err
			}
		}
		return nil
	})
}

func releaseBeside(b *testing.B, k kind, n int, release func(context.Context, backend.Store, []backend.Lease) ([]backend.Lease, error)) {
	b.StopTimer()
	path := filepath.Join(b.TempDir(), "net")
	require.NoError(b, k.create(path, content(n)))
	store, err := k.open(path)
	require.NoError(b, err)
	leases := leasesOf(b, store)
	alone := adds(b, k, path, func(n int) bool { return n < 20 })
	b.StartTimer()

	var all sync.WaitGroup
	done := make(chan struct{})
	all.Go(func() {
		defer close(done)
		released, err := release(b.Context(), store, leases)
		if err != nil || len(released) != len(leases) {
			b.Errorf("released %d of %d: %v", len(released), len(leases), err)
		}
		b.StopTimer()
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
	b.ReportMetric(ms(slices.Max(alone)), "ms-before")
	b.ReportMetric(ms(slices.Max(beside)), "ms-worst")
	b.ReportMetric(ms(median(beside)), "ms-median")
	b.ReportMetric(float64(len(beside)), "adds")
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// adds has containers come, each through a store of its own as a plugin has it, and returns
// how long each took.
func adds(b *testing.B, k kind, path string, more func(n int) bool) (took []time.Duration) {
	for n := 0; more(n); n++ {
		time.Sleep(between)
		store, err := k.open(path)
		require.NoError(b, err)
		id := time.Now().String()
		before := time.Now()
		_, err = allocator.New(store, pool(b), allocator.Options{}).Allocate(b.Context(), allocator.Request{Owner: backend.Owner{ContainerID: id, IfName: "eth0"}})
		took = append(took, time.Since(before))
		require.NoError(b, err)
		require.NoError(b, store.Close())
	}
	return took
}

func leasesOf(b *testing.B, store backend.Store) (leases []backend.Lease) {
	b.Helper()
	require.NoError(b, store.View(b.Context(), func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			require.NoError(b, err)
			leases = append(leases, l)
		}
		return nil
	}))
	return leases
}
