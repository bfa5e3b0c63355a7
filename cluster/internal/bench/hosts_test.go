package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/etcd"
	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/internal/measure"
)

// A size is how large a comparison of many hosts is.
type size struct {
	hosts, pods int
	blockSize   uint64
	ahead       int           // blocks, as the settings of a host have it by default
	ranges      string        // of the space
	pool        time.Duration // how long the hosts use an object for the whole pool, at most
}

var (
	small = size{4, 11, 4, 1, "10.0.0.0-10.0.0.255", time.Minute}
	large = size{1_000, 110, 64, 0, "10.0.0.0-10.3.255.255", 20 * time.Second}
)

// BenchmarkManyHosts is many hosts that start many pods at once, all together. They claim blocks; beside
// that, they change one object that has all addresses of the pool, as whereabouts does.
func BenchmarkManyHosts(b *testing.B) {
	of16 := large
	of16.blockSize, of16.ahead = 16, 1
	for _, s := range []size{large, of16} {
		b.Run(fmt.Sprintf("hosts=%d/pods=%d/block=%d", s.hosts, s.pods, s.blockSize), func(b *testing.B) {
			manyHosts(b, startEtcd(b), rounds(3), s).report(b)
		})
	}
}

// atOnce is how many hosts connect or join together, before the time begins.
const atOnce = 64

func manyHosts(tb testing.TB, servers []*etcdtest.Server, times int, s size) result {
	tb.Helper()
	engines := make([]*etcd.Engine, s.hosts)
	connecting, ctx := errgroup.WithContext(tb.Context())
	connecting.SetLimit(atOnce)
	for i := range engines {
		engines[i] = newEngine(tb, servers)
		connecting.Go(func() error {
			return retry(ctx, func() error { _, err := engines[i].Origin(ctx); return err })
		})
	}
	require.NoError(tb, connecting.Wait())
	n := 0
	return compare(tb, 0, times, "pool-object", func(peer int) turn {
		n++
		if peer == 0 {
			return usePool(tb, engines, s, fmt.Sprintf("/pool/%d", n))
		}
		return claimBlocks(tb, engines, s, fmt.Sprintf("space%d", n))
	})
}

// A sharer is a host with its store in memory: on real hosts, the disks of all work at once.
type sharer struct {
	size
	store  *memory.Store
	member *cluster.Member
	set    allocator.Set
	leases *allocator.Allocator

	claims  int
	longest time.Duration // of a claim
}

func newSharer(tb testing.TB, e *etcd.Engine, s size, name string) *sharer {
	tb.Helper()
	h := &sharer{size: s, store: memory.New(), set: setOf(tb, s.ranges)}
	o := options(name)
	h.member = cluster.NewMember(h.store, e, o)
	pool, err := allocator.NewPool(h.set)
	require.NoError(tb, err)
	h.leases = allocator.New(h.store, pool, allocator.Options{Boot: allocator.Boot{ID: o.Boot}})
	return h
}

// start starts all pods, and claims what they need when no address is left, as leasehold-cluster does
// for the processes that wait: it does not know the size of the blocks before it has one.
func (h *sharer) start(ctx context.Context) error {
	for pod := range h.pods {
		r := allocator.Request{Owner: measure.Container(pod).Owner()}
		_, err := h.leases.Allocate(ctx, r)
		if exhausted := (*allocator.ExhaustedError)(nil); errors.As(err, &exhausted) {
			blocks := 1
			if h.claims > 0 {
				blocks = (h.pods-pod+int(h.blockSize)-1)/int(h.blockSize) + h.ahead
			}
			if err := h.claim(ctx, blocks); err != nil {
				return err
			}
			_, err = h.leases.Allocate(ctx, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *sharer) claim(ctx context.Context, blocks int) error {
	began := time.Now()
	err := retry(ctx, func() error {
		_, err := h.member.Claim(ctx, cluster.Want{Set: h.set, Blocks: blocks})
		return err
	})
	h.claims++
	h.longest = max(h.longest, time.Since(began))
	return err
}

// retry calls fn again while it is not known whether the servers have done what it asked for, as
// leasehold-cluster does.
func retry(ctx context.Context, fn func() error) error {
	for pause := 20 * time.Millisecond; ; pause *= 2 {
		if err := fn(); !errors.Is(err, cluster.ErrUnknown) || ctx.Err() != nil {
			return err
		}
		time.Sleep(pause)
	}
}

// claimBlocks has all hosts, which are members already, start their pods.
func claimBlocks(tb testing.TB, engines []*etcd.Engine, s size, space string) turn {
	tb.Helper()
	initSpace(tb, engines[0], space, s.blockSize, s.ranges)
	hosts := make([]*sharer, len(engines))
	joining, ctx := errgroup.WithContext(tb.Context())
	joining.SetLimit(atOnce)
	for i, e := range engines {
		name := fmt.Sprintf("host%d", i)
		hosts[i] = newSharer(tb, e, s, name)
		joining.Go(func() error {
			return retry(ctx, func() error { return hosts[i].member.Join(ctx, "dc1", space, name) })
		})
	}
	require.NoError(tb, joining.Wait())

	began := time.Now()
	starting, ctx := errgroup.WithContext(tb.Context())
	for _, h := range hosts {
		starting.Go(func() error { return h.start(ctx) })
	}
	require.NoError(tb, starting.Wait())
	took := time.Since(began).Seconds()

	used := make(map[netip.Addr]bool)
	blocks, claims, longest := 0, 0, time.Duration(0)
	for _, h := range hosts {
		claims, longest = claims+h.claims, max(longest, h.longest)
		require.NoError(tb, h.store.View(tb.Context(), func(tx backend.ReadTx) error {
			for l, err := range tx.Leases(netip.Addr{}) {
				if err != nil {
					return err
				}
				require.False(tb, used[l.Addr], "%s is leased twice", l.Addr)
				used[l.Addr] = true
			}
			held, err := backend.Blocks(tx)
			blocks += len(held)
			return err
		}))
	}
	require.Len(tb, used, s.hosts*s.pods)
	stranded := float64(blocks*int(s.blockSize) - len(used))
	return turn{
		"addresses/s": float64(len(used)) / took, "all-ns": took * 1e9, "claims": float64(claims), "longest-claim-ns": float64(longest),
		"stranded": stranded, "stranded/limit": stranded / ((float64(s.ahead) + 0.5) * float64(int(s.blockSize)*s.hosts)),
	}
}

// usePool has all hosts take addresses from one object that lists all that are leased, one after the other,
// by a transaction that fails if another host was faster. In favor of that way, the list is empty at
// the beginning, no host spends time on reading it, and no leader is elected before each change.
func usePool(tb testing.TB, engines []*etcd.Engine, s size, key string) turn {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), s.pool)
	defer cancel()
	var taken atomic.Int64
	began := time.Now()
	using, ctx := errgroup.WithContext(ctx)
	for _, e := range engines {
		using.Go(func() error {
			for pods := 0; pods < s.pods; {
				ok, err := takeOne(ctx, e, key)
				switch {
				case ctx.Err() != nil:
					return nil
				case err != nil && !errors.Is(err, cluster.ErrUnknown):
					return err
				case ok:
					pods++
					taken.Add(1)
				default:
					time.Sleep(rand.N(20 * time.Millisecond))
				}
			}
			return nil
		})
	}
	require.NoError(tb, using.Wait())
	return turn{"addresses/s": float64(taken.Load()) / time.Since(began).Seconds()}
}

// An allocation is as long as those in an object of whereabouts.
var allocation = []byte(`"000000":{"id":"` + measure.Container(0).ID() + `","podref":"default/web-5d8f9c7b6-x2x4z","ifname":"eth0"},`)

// takeOne takes the next address, unless another host is faster.
func takeOne(ctx context.Context, e *etcd.Engine, key string) (bool, error) {
	object, err := e.Range(ctx, key, key+"\x00", false)
	if err != nil {
		return false, err
	}
	entry := cluster.Entry{Key: key}
	if len(object) > 0 {
		entry = object[0]
	}
	out, err := e.Commit(ctx, cluster.Txn{
		If:   []cluster.Condition{{Key: key, Revision: entry.Revision}},
		Then: []cluster.Op{cluster.Put(key, bytes.Join([][]byte{entry.Value, allocation}, nil))},
	})
	return out.Held, err
}
