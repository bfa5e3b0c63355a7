package bench

import (
	"cmp"
	"context"
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
	var leasers []func(b *testing.B, containers int) leaser
	for _, s := range stores() {
		leasers = append(leasers, func(b *testing.B, containers int) leaser { return newRuntime(b, s, containers) })
	}
	leasers = append(leasers, newPodman)
	for i, name := range []string{"files", "bolt", "memory", "podman-layout"} {
		for _, goroutines := range []int{1, 8, 64, 512} {
			b.Run(fmt.Sprintf("store=%s/goroutines=%d", name, goroutines), func(b *testing.B) {
				each := held/goroutines + 1
				l := leasers[i](b, each*goroutines+b.N)
				require.NoError(b, l.fill(each*goroutines))
				b.ResetTimer()
				// Container i is followed by container i + each*goroutines.
				together(b, goroutines, b.N, func(i int) error { return cmp.Or(l.add(i+each*goroutines), l.del(i)) })
				b.StopTimer()
				l.close(each * goroutines)
			})
		}
	}
}

// together has goroutines call do with each of 0 to n-1.
func together(b *testing.B, goroutines, n int, do func(i int) error) {
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := g; i < n; i += goroutines {
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// A leaser has containers come and go, by their numbers.
type leaser interface {
	// fill has the first n containers come, in one transaction.
	fill(n int) error

	add(i int) error
	del(i int) error

	// close ends the benchmark. It fails unless so many leases are held.
	close(want int)
}

// A runtime links this project's library.
type runtime struct {
	b         *testing.B
	store     backend.Store
	allocator *allocator.Allocator
	requests  []allocator.Request
}

// newRuntime returns a runtime of n containers, none of which has come.
func newRuntime(b *testing.B, kind kindOfStore, n int) runtime {
	store, err := kind.open(filepath.Join(b.TempDir(), "net"))
	require.NoError(b, err)
	r := runtime{b, store, allocator.New(store, pool(b), allocator.Options{Boot: allocator.Boot{ID: boot}}), nil}
	for i := range n {
		l := nth(i)
		r.requests = append(r.requests, allocator.Request{Owner: l.Owner, Pod: l.Pod, Netns: l.Netns})
	}
	return r
}

func (r runtime) fill(n int) error {
	return r.store.Update(r.b.Context(), func(tx backend.Tx) error {
		var last netip.Addr
		for l := range leases(n) {
			if err := tx.Put(l); err != nil {
				return err
			}
			last = l.Addr
		}
		return cmp.Or(tx.SetCursor("0", last), tx.SetLastSearch(boot))
	})
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

func (r runtime) close(want int) {
	got := 0
	require.NoError(r.b, r.store.View(context.Background(), func(tx backend.ReadTx) error {
		for _, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			got++
		}
		return nil
	}))
	require.Equal(r.b, want, got)
	require.NoError(r.b, r.store.Close())
}

// A podmanRuntime keeps leases as Podman does.
type podmanRuntime struct {
	*podman
	b          *testing.B
	containers []string
}

func newPodman(b *testing.B, n int) leaser {
	p := podmanRuntime{&podman{path: filepath.Join(b.TempDir(), "net"), subnet: netip.MustParsePrefix("10.0.0.0/8")}, b, nil}
	for i := range n {
		p.containers = append(p.containers, nth(i).Owner.ContainerID)
	}
	return p
}

func (p podmanRuntime) fill(n int) error { return p.acquireAll(p.containers[:n]...) }
func (p podmanRuntime) add(i int) error  { return p.acquireAll(p.containers[i]) }
func (p podmanRuntime) del(i int) error  { return p.release(p.containers[i]) }
func (p podmanRuntime) close(want int) {
	got, err := p.holders()
	require.NoError(p.b, err)
	require.Len(p.b, got, want)
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
