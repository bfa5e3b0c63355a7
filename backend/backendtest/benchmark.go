package backendtest

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// Benchmark measures a store that holds the number of leases in the sub-benchmark's name.
// Each operation is a transaction of its own, or two where the name says so.
//
// With -short the largest fill is skipped, because filling a store with one file for each
// lease takes long.
func Benchmark(b *testing.B, open Open) {
	fills := []int{0, 1_000, 10_000, 100_000}
	if testing.Short() {
		fills = fills[:3]
	}
	for _, fill := range fills {
		b.Run(fmt.Sprintf("fill=%d", fill), func(b *testing.B) {
			s, err := open(filepath.Join(b.TempDir(), "net"))
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, s.Close()) })
			p := populate(b, s, fill)
			b.Run("op=OwnedBy", p.ownedBy)
			b.Run("op=NextFreeAtEnd", p.nextFreeAtEnd)
			b.Run("op=NextFreeEverySecond", p.nextFreeEverySecond)
			b.Run("op=Leases", p.leases)
			b.Run("op=PutThenDeleteOldest", p.putThenDeleteOldest)
		})
	}
}

// A population is a store with leases in two blocks: in one all addresses are leased, in
// the other every second one.
type population struct {
	store         backend.Store
	dense, sparse []backend.Lease
	queue         []backend.Lease // all leases, oldest first
	containers    int
	fresh         netip.Addr // the first address that was never leased
}

func populate(b *testing.B, s backend.Store, size int) *population {
	p := &population{store: s, fresh: ip("30.0.0.0")}
	dense, sparse := ip("10.0.0.0"), ip("20.0.0.0")
	for range size / 2 {
		p.dense = append(p.dense, p.lease(dense))
		p.sparse = append(p.sparse, p.lease(sparse))
		dense, sparse = dense.Next(), sparse.Next().Next()
	}
	p.queue = slices.Concat(p.dense, p.sparse)
	// Not all at once, because a transaction keeps its writes in memory.
	for some := range slices.Chunk(p.queue, 5_000) {
		p.update(b, func(tx backend.Tx) error { return putAll(tx, some) })
	}
	return p
}

// lease returns a lease for a new container, with an ID as long as runtimes make it.
func (p *population) lease(addr netip.Addr) backend.Lease {
	p.containers++
	return lease(addr, backend.Owner{ContainerID: fmt.Sprintf("%064x", p.containers), IfName: "eth0"})
}

func (p *population) view(b *testing.B, fn func(backend.ReadTx) error) {
	require.NoError(b, p.store.View(context.Background(), fn))
}

func (p *population) update(b *testing.B, fn func(backend.Tx) error) {
	require.NoError(b, p.store.Update(context.Background(), fn))
}

// stride makes successive operations touch distant leases. It is a prime, so that it
// reaches all of them.
const stride = 7919

func (p *population) ownedBy(b *testing.B) {
	asked := append(slices.Clone(p.dense), p.lease(ip("10.0.0.0")))
	for i := 0; b.Loop(); i += stride {
		p.view(b, func(tx backend.ReadTx) error {
			_, err := tx.OwnedBy(asked[i%len(asked)].Owner)
			return err
		})
	}
}

// nextFreeAtEnd looks up the only free address at the end of a full range.
func (p *population) nextFreeAtEnd(b *testing.B) {
	from := ip("10.0.0.0")
	to := from
	if n := len(p.dense); n > 0 {
		to = p.dense[n-1].Addr.Next()
	}
	for b.Loop() {
		p.view(b, func(tx backend.ReadTx) error {
			_, err := tx.NextFree(from, to)
			return err
		})
	}
}

// nextFreeEverySecond looks up the next free address from a leased one whose successor is
// free.
func (p *population) nextFreeEverySecond(b *testing.B) {
	from := []backend.Lease{{Addr: ip("20.0.0.0")}}
	if len(p.sparse) > 0 {
		from = p.sparse
	}
	for i := 0; b.Loop(); i += stride {
		p.view(b, func(tx backend.ReadTx) error {
			_, err := tx.NextFree(from[i%len(from)].Addr, ip("29.255.255.255"))
			return err
		})
	}
}

func (p *population) leases(b *testing.B) {
	for b.Loop() {
		p.view(b, func(tx backend.ReadTx) error {
			for _, err := range tx.Leases(netip.Addr{}) {
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// putThenDeleteOldest measures a container that starts and another that stops. It deletes
// the oldest lease, because the one just put would still be cached.
func (p *population) putThenDeleteOldest(b *testing.B) {
	for b.Loop() {
		l := p.lease(p.fresh)
		p.fresh = p.fresh.Next()
		p.update(b, func(tx backend.Tx) error { return tx.Put(l) })
		p.queue = append(p.queue, l)
		p.update(b, func(tx backend.Tx) error { return tx.Delete(p.queue[0].Addr) })
		p.queue = p.queue[1:]
	}
}
