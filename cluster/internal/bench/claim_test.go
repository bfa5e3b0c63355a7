package bench

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend/memory"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
)

// BenchmarkClaim is the transaction by which a host claims a block, beside a put of one key by the same
// client. A value is the time of all divided by their number.
func BenchmarkClaim(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			claims(b, startEtcd(b), rounds(30), clients, 10+100/clients).report(b)
		})
	}
}

// claims has each client do n transactions, one after the other, in each turn.
func claims(tb testing.TB, servers []*etcdtest.Server, times, clients, n int) result {
	tb.Helper()
	initSpace(tb, newEngine(tb, servers), network, 1, "10.0.0.0-10.255.255.255")
	all := make([]*claimant, clients)
	for i := range all {
		all[i] = newClaimant(tb, servers, fmt.Sprintf("host%d", i))
	}
	return compare(tb, 1, times, "put", func(peer int) turn {
		do := []func(*claimant, context.Context) error{(*claimant).put, (*claimant).claim}[peer]
		began := time.Now()
		together, ctx := errgroup.WithContext(tb.Context())
		for _, c := range all {
			together.Go(func() error {
				for range n {
					if err := do(c, ctx); err != nil {
						return err
					}
				}
				return nil
			})
		}
		require.NoError(tb, together.Wait())
		return turn{"txn-ns": float64(time.Since(began)) / float64(clients*n)}
	})
}

// A claimant repeats the transaction of a claim that a member has made, each time for another block.
type claimant struct {
	recorder
	record cluster.Entry // of the host
	n      int
}

func newClaimant(tb testing.TB, servers []*etcdtest.Server, name string) *claimant {
	tb.Helper()
	c := &claimant{recorder: recorder{Engine: newEngine(tb, servers)}}
	m := cluster.NewMember(memory.New(), &c.recorder, options(name))
	require.NoError(tb, m.Join(tb.Context(), "dc1", network, name))
	_, err := m.Claim(tb.Context(), cluster.Want{Set: set(tb, "10.0.0.0/16"), Blocks: 1})
	require.NoError(tb, err)
	c.record = cluster.Entry{Key: c.last.Then[0].Key, Value: c.last.Then[0].Value, Revision: c.revision}
	return c
}

// options returns the options of a member on a machine of its own.
func options(name string) cluster.Options {
	return cluster.Options{Identity: cluster.Identity{
		Boot: "aa5e6a5c-8ba2-4c3e-9bd6-66b4c8c8bd3b", Machine: fmt.Sprintf("%032s", name), Address: "192.0.2.1", Program: "v1.0.0",
	}, Prefix: prefix}
}

// setOf returns the range set of a space with one range of addresses of 10.0.0.0/8.
func setOf(tb testing.TB, span string) allocator.Set {
	tb.Helper()
	s, err := allocator.ParseSpan(span)
	require.NoError(tb, err)
	return newSet(tb, allocator.RangeSpec{Subnet: netip.MustParsePrefix("10.0.0.0/8"), First: s.First.Next(), Last: s.Last})
}

func set(tb testing.TB, subnet string) allocator.Set {
	tb.Helper()
	return newSet(tb, allocator.RangeSpec{Subnet: netip.MustParsePrefix(subnet)})
}

func newSet(tb testing.TB, spec allocator.RangeSpec) allocator.Set {
	tb.Helper()
	r, err := allocator.NewRange(spec)
	require.NoError(tb, err)
	s, err := allocator.NewSet(r)
	require.NoError(tb, err)
	return s
}

// A recorder keeps the last request for a block that was done.
type recorder struct {
	cluster.Engine
	last     cluster.Txn
	revision int64
}

func (r *recorder) Commit(ctx context.Context, t cluster.Txn) (cluster.Outcome, error) {
	out, err := r.Engine.Commit(ctx, t)
	if n := len(t.Then); n > 0 && t.Then[n-1].Kind == cluster.NestOp {
		r.last, r.revision = t, out.Revision
	}
	return out, err
}

// another returns the key of a block that was not claimed yet.
func (c *claimant) another(key string) string { return fmt.Sprintf("%s-%d", key, c.n) }

func (c *claimant) claim(ctx context.Context) error {
	c.n++
	t := cluster.Txn{If: slices.Clone(c.last.If), Then: slices.Clone(c.last.Then)}
	for i := range t.If {
		if t.If[i].Key == c.record.Key {
			t.If[i] = cluster.At(c.record)
		}
	}
	block := t.Then[1].Txn
	block.If, block.Then = slices.Clone(block.If), slices.Clone(block.Then)
	block.If[0].Key = c.another(block.If[0].Key)
	for i := range block.Then {
		block.Then[i].Key = c.another(block.Then[i].Key)
	}
	t.Then[1] = cluster.Nest(block)
	out, err := c.Engine.Commit(ctx, t)
	if err == nil && !(out.Held && out.Results[1].Nested.Held) {
		err = fmt.Errorf("the claim of %s was not granted", block.If[0].Key)
	}
	c.record.Revision = out.Revision
	return err
}

// put puts what the claim puts for the block.
func (c *claimant) put(ctx context.Context) error {
	c.n++
	block := c.last.Then[1].Txn.Then[0]
	_, err := c.Engine.Commit(ctx, cluster.Txn{Then: []cluster.Op{cluster.Put(c.another(block.Key+"-put"), block.Value)}})
	return err
}

// BenchmarkMustClaim is an ADD, as a whole process, on a host that has no address left and gets one block
// of one address, beside an ADD on a store that shares nothing.
func BenchmarkMustClaim(b *testing.B) {
	for _, by := range []string{"agent", "helper"} {
		b.Run("by="+by, func(b *testing.B) {
			mustClaim(b, startEtcd(b), rounds(150), by == "agent").report(b)
		})
	}
}

func mustClaim(tb testing.TB, servers []*etcdtest.Server, times int, agent bool) result {
	tb.Helper()
	initSpace(tb, newEngine(tb, servers), network, 1, "10.0.0.0-10.255.255.255")
	hosts := []*host{newHost(tb), newSharing(tb, servers...)}
	if agent {
		hosts[1].startAgent()
	}
	return compare(tb, 3, times, "alone", func(i int) turn { return turn{"ADD-ns": hosts[i].mustAdd()} })
}

// startAgent starts an agent, which the plugin of this host asks from now on.
func (h *host) startAgent() {
	h.tb.Helper()
	h.program = filepath.Join(programs, "with-agent")
	cmd := exec.Command(filepath.Join(programs, "leasehold-cluster"), "agent", "--socket", socket, "--conf-dir", h.tb.TempDir())
	cmd.Env = append(h.env, os.Environ()...)
	require.NoError(h.tb, cmd.Start())
	h.tb.Cleanup(func() {
		require.NoError(h.tb, cmd.Process.Signal(os.Interrupt))
		require.NoError(h.tb, cmd.Wait())
	})
	require.Eventually(h.tb, func() bool {
		c, err := net.Dial("unix", socket)
		return err == nil && c.Close() == nil
	}, time.Minute, 10*time.Millisecond)
}
