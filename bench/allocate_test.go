package bench

import (
	"cmp"
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// held is how many leases are held meanwhile, at least.
const held = 1_000

// BenchmarkAllocate has goroutines share an open store, as in a runtime that links it. An
// operation is two transactions: a container comes, and one that came long ago goes.
func BenchmarkAllocate(b *testing.B) {
	for _, s := range stores() {
		for _, goroutines := range []int{1, 8, 64, 512} {
			b.Run(fmt.Sprintf("store=%s/goroutines=%d", s.name, goroutines), func(b *testing.B) {
				store, err := s.open(filepath.Join(b.TempDir(), "net"))
				require.NoError(b, err)
				each := held/goroutines + 1
				r := newRuntime(b, store, each*goroutines+b.N)
				for i := range each * goroutines {
					require.NoError(b, r.add(i))
				}
				b.ResetTimer()
				var all sync.WaitGroup
				for g := range goroutines {
					all.Go(func() {
						// Container i is followed by container i + goroutines.
						for i := g; i < b.N; i += goroutines {
							if err := cmp.Or(r.add(i+each*goroutines), r.del(i)); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.StopTimer()
				require.NoError(b, store.Close())
			})
		}
	}
}

// A runtime has containers come and go, by their numbers.
type runtime struct {
	b         *testing.B
	store     backend.Store
	allocator *allocator.Allocator
	requests  []allocator.Request
}

// newRuntime returns a runtime of n containers, none of which has come.
func newRuntime(b *testing.B, store backend.Store, n int) runtime {
	r := runtime{b, store, allocator.New(store, pool(b), allocator.Options{Boot: allocator.Boot{ID: boot}}), nil}
	for i := range n {
		l := nth(i)
		r.requests = append(r.requests, allocator.Request{Owner: l.Owner, Pod: l.Pod, Netns: l.Netns})
	}
	return r
}

func (r runtime) add(i int) error {
	_, err := r.allocator.Allocate(r.b.Context(), r.requests[i])
	return err
}

func (r runtime) del(i int) error {
	released, err := allocator.Release(r.b.Context(), r.store, r.requests[i].Owner)
	if err == nil && len(released) != 1 {
		err = fmt.Errorf("container %d held %d leases", i, len(released))
	}
	return err
}

func pool(b *testing.B) allocator.Pool {
	b.Helper()
	r, err := allocator.NewRange(allocator.RangeSpec{Subnet: netip.MustParsePrefix("10.0.0.0/8")})
	require.NoError(b, err)
	s, err := allocator.NewSet(r)
	require.NoError(b, err)
	p, err := allocator.NewPool(s)
	require.NoError(b, err)
	return p
}
