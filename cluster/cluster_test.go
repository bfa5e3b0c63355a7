package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	leases "github.com/leasehold/leasehold/backend/memory"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/memory"
)

const prefix = "/leasehold"

var ip = netip.MustParseAddr

// set returns a range set of one range, without a gateway.
func set(t *testing.T, subnet, first, last string) allocator.Set {
	t.Helper()
	r, err := allocator.NewRange(allocator.RangeSpec{
		Subnet: netip.MustParsePrefix(subnet), First: ip(first), Last: ip(last), NoGateway: true,
	})
	require.NoError(t, err)
	s, err := allocator.NewSet(r)
	require.NoError(t, err)
	return s
}

// newSpace returns an engine with the space pods, of four blocks of IPv4 and many of IPv6.
func newSpace(t *testing.T) *memory.Engine {
	t.Helper()
	e := memory.New()
	require.NoError(t, cluster.NewAdmin(e, prefix).Init(t.Context(), "pods", cluster.Config{
		Block4: 4, Block6: 256, Ranges: []string{"10.0.0.0-10.0.0.15", "fd00::/64"},
	}))
	return e
}

func four(t *testing.T) allocator.Set { return set(t, "10.0.0.0/28", "10.0.0.0", "10.0.0.15") }

func six(t *testing.T) allocator.Set {
	return set(t, "fd00::/64", "fd00::1", "fd00::ffff:ffff:ffff:ffff")
}

// A host is a member with its store.
type host struct {
	*cluster.Member
	store  *leases.Store
	engine cluster.Engine
	name   string
}

func newHost(t *testing.T, e cluster.Engine, name string) *host {
	t.Helper()
	h := &host{store: leases.New(), engine: e, name: name}
	h.boot("boot1")
	require.NoError(t, h.Join(t.Context(), "dc1", "pods", name))
	return h
}

// boot boots the machine of the host.
func (h *host) boot(boot string) {
	h.Member = cluster.NewMember(h.store, h.engine, cluster.Options{
		Identity: cluster.Identity{Boot: boot, Machine: "machine of " + h.name}, Prefix: prefix,
	})
}

func (h *host) claim(t *testing.T, wants ...cluster.Want) []backend.Block {
	t.Helper()
	got, err := h.Claim(t.Context(), wants...)
	require.NoError(t, err)
	return got
}

func (h *host) state(t *testing.T) (m backend.Membership, blocks []backend.Block) {
	t.Helper()
	require.NoError(t, h.store.View(t.Context(), func(tx backend.ReadTx) (err error) {
		if m, err = tx.Membership(); err != nil {
			return err
		}
		blocks, err = backend.Blocks(tx)
		return err
	}))
	return m, blocks
}

func (h *host) lease(t *testing.T, addr netip.Addr) {
	t.Helper()
	require.NoError(t, h.store.Update(t.Context(), func(tx backend.Tx) error {
		return tx.Put(backend.Lease{Addr: addr, Owner: backend.Owner{ContainerID: "c"}})
	}))
}

// hostNamed returns what an operator sees of a host.
func hostNamed(t *testing.T, e cluster.Engine, name string) cluster.Host {
	t.Helper()
	all, err := cluster.NewAdmin(e, prefix).Hosts(t.Context(), "pods")
	require.NoError(t, err)
	for _, h := range all {
		if h.Name == name {
			return h
		}
	}
	t.Fatal("there is no host", name)
	return cluster.Host{}
}

func evict(t *testing.T, e cluster.Engine, name string) int {
	t.Helper()
	n, err := cluster.NewAdmin(e, prefix).Evict(t.Context(), "pods", hostNamed(t, e, name))
	require.NoError(t, err)
	return n
}

func TestJoin(t *testing.T) {
	e := newSpace(t)
	a := newHost(t, e, "a")
	m, blocks := a.state(t)
	require.Empty(t, blocks)
	require.Equal(t, "boot1", m.Attested)
	require.EqualValues(t, 1, m.Sequence)
	require.Zero(t, m.Intent)
	require.NoError(t, a.Join(t.Context(), "dc1", "pods", "a"), "again")
	require.ErrorContains(t, a.Join(t.Context(), "dc1", "pods", "b"), "the store is host a of space pods already")

	b := &host{store: leases.New(), engine: e, name: "b"}
	b.boot("boot1")
	require.ErrorIs(t, b.Join(t.Context(), "dc1", "pods", "a"), cluster.ErrNameTaken)
	require.ErrorIs(t, b.Join(t.Context(), "dc1", "other", "b"), cluster.ErrNoSpace)
	require.ErrorContains(t, b.Join(t.Context(), "dc1", "pods", "a/b"), `name "a/b": want`)
	m, _ = b.state(t)
	require.Zero(t, m, "the store is as before")
	b.lease(t, ip("10.0.0.1"))
	require.ErrorIs(t, b.Join(t.Context(), "dc1", "pods", "b"), cluster.ErrInUse)
}

// A host was killed while it joined under the name of another one, and was given a name of its own since.
func TestJoinUnderAnotherName(t *testing.T) {
	e := newSpace(t)
	newHost(t, e, "a")
	c := &host{store: leases.New(), engine: failing{e, 0}.engine(), name: "c"}
	c.boot("boot1")
	require.ErrorIs(t, c.Join(t.Context(), "dc1", "pods", "a"), cluster.ErrUnknown)
	m, _ := c.state(t)
	require.Equal(t, "a", m.Host)
	c.engine = e
	c.boot("boot1")
	require.NoError(t, c.Join(t.Context(), "dc1", "pods", "c"))
	m, _ = c.state(t)
	require.Equal(t, "c", m.Host)
	c.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	require.ErrorContains(t, c.Join(t.Context(), "dc1", "pods", "d"), "the store is host c of space pods already")
}

func TestClaim(t *testing.T) {
	e := newSpace(t)
	a, b := newHost(t, e, "a"), newHost(t, e, "b")
	got := a.claim(t, cluster.Want{Set: four(t), Blocks: 3}, cluster.Want{Set: six(t), Blocks: 1})
	require.Len(t, got, 4)
	for _, block := range got {
		require.Equal(t, backend.Open, block.State)
		who, ok, err := cluster.NewAdmin(e, prefix).Who(t.Context(), "pods", block.Last)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, "a", who.Host)
	}
	_, blocks := a.state(t)
	require.ElementsMatch(t, got, blocks)

	require.Len(t, b.claim(t, cluster.Want{Set: four(t), Blocks: 2}), 1, "as many as are left")
	_, err := b.Claim(t.Context(), cluster.Want{Set: four(t), Blocks: 1})
	require.ErrorIs(t, err, cluster.ErrNoBlocks)
	_, err = a.Claim(t.Context(), cluster.Want{Set: set(t, "10.9.0.0/24", "10.9.0.1", "10.9.0.9"), Blocks: 1})
	require.ErrorIs(t, err, cluster.ErrOutside)
	require.ErrorContains(t, err, "10.9.0.1 of range set 10.9.0.1-10.9.0.9 is not in the ranges of the space, which are [10.0.0.0-10.0.0.15 fd00::/64]")
}

// Blocks can have addresses that the space does not have, at its ends and in its gaps. Nothing is claimed for
// a range set that could lease them.
func TestClaimOutside(t *testing.T) {
	e := memory.New()
	require.NoError(t, cluster.NewAdmin(e, prefix).Init(t.Context(), "pods", cluster.Config{
		Block4: 8, Ranges: []string{"10.0.0.12-10.0.0.20", "10.0.0.1-10.0.0.5", "10.0.0.6-10.0.0.9"},
	}))
	a := newHost(t, e, "a")
	for _, c := range []struct{ first, last, outside string }{
		{"10.0.0.1", "10.0.0.9", ""},
		{"10.0.0.4", "10.0.0.7", ""},
		{"10.0.0.12", "10.0.0.20", ""},
		{"10.0.0.0", "10.0.0.3", "10.0.0.0"},
		{"10.0.0.1", "10.0.0.10", "10.0.0.10"},
		{"10.0.0.8", "10.0.0.14", "10.0.0.10"},
		{"10.0.0.11", "10.0.0.14", "10.0.0.11"},
		{"10.0.0.16", "10.0.0.21", "10.0.0.21"},
		{"10.0.0.24", "10.0.0.25", "10.0.0.24"},
	} {
		_, err := a.Claim(t.Context(), cluster.Want{Set: set(t, "10.0.0.0/27", c.first, c.last), Blocks: 1})
		if c.outside != "" {
			require.ErrorIs(t, err, cluster.ErrOutside)
			require.ErrorContains(t, err, ": "+c.outside+" of range set")
			continue
		}
		require.NoError(t, err)
		_, err = a.GiveBack(t.Context(), 0)
		require.NoError(t, err)
	}
}

func TestClaimOfAnAddress(t *testing.T) {
	e := newSpace(t)
	a, b := newHost(t, e, "a"), newHost(t, e, "b")
	want := cluster.Want{Set: four(t), Blocks: 1, Addr: ip("10.0.0.6")}
	got := a.claim(t, want)
	require.Equal(t, "10.0.0.4-10.0.0.7", got[0].String())
	_, err := b.Claim(t.Context(), want)
	require.ErrorIs(t, err, cluster.ErrNoBlocks)
	require.ErrorContains(t, err, "10.0.0.6")
}

// A block without a leasable address is of no use.
func TestClaimLeavesUselessBlocks(t *testing.T) {
	e := newSpace(t)
	a := newHost(t, e, "a")
	r, err := allocator.NewRange(allocator.RangeSpec{
		Subnet: netip.MustParsePrefix("10.0.0.0/28"), Gateway: ip("10.0.0.8"),
		Exclude: []allocator.Span{{First: ip("10.0.0.0"), Last: ip("10.0.0.7")}, {First: ip("10.0.0.9"), Last: ip("10.0.0.11")}},
	})
	require.NoError(t, err)
	s, err := allocator.NewSet(r)
	require.NoError(t, err)
	require.Equal(t, "10.0.0.12-10.0.0.15", a.claim(t, cluster.Want{Set: s, Blocks: 9})[0].String())
}

func TestGiveBack(t *testing.T) {
	e := newSpace(t)
	a, b := newHost(t, e, "a"), newHost(t, e, "b")
	got := a.claim(t, cluster.Want{Set: four(t), Blocks: 4}, cluster.Want{Set: six(t), Blocks: 2})
	a.lease(t, got[0].Last)
	given, err := a.GiveBack(t.Context(), 1)
	require.NoError(t, err)
	require.Len(t, given, 3, "all but the one in use, and one of each family")
	_, blocks := a.state(t)
	require.Len(t, blocks, 3)
	require.Contains(t, blocks, got[0])
	given, err = a.GiveBack(t.Context(), 1)
	require.NoError(t, err)
	require.Empty(t, given)
	require.Len(t, b.claim(t, cluster.Want{Set: four(t), Blocks: 4}), 2)
	require.NoError(t, a.Audit(t.Context()))
	require.NoError(t, b.Audit(t.Context()))
}

func TestEvict(t *testing.T) {
	e := newSpace(t)
	a, b := newHost(t, e, "a"), newHost(t, e, "b")
	seen := hostNamed(t, e, "a")
	a.claim(t, cluster.Want{Set: four(t), Blocks: 4})
	_, err := cluster.NewAdmin(e, prefix).Evict(t.Context(), "pods", seen)
	require.ErrorIs(t, err, cluster.ErrConflict, "it has made a request since it was shown")
	require.Equal(t, 4, evict(t, e, "a"))
	require.Equal(t, 0, evict(t, e, "a"), "again")
	require.Len(t, b.claim(t, cluster.Want{Set: four(t), Blocks: 4}), 4)

	a.boot("boot2")
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrStopped)
	m, blocks := a.state(t)
	require.Contains(t, m.Stopped, "it was evicted")
	require.Equal(t, "boot1", m.Attested)
	require.Len(t, blocks, 4, "its leases can be released")

	a.lease(t, blocks[0].First)
	require.ErrorIs(t, a.Forget(t.Context()), cluster.ErrInUse)
	require.ErrorContains(t, b.Forget(t.Context()), "this host is not stopped: it is host b of space pods")

	// Its name can be used again.
	again := newHost(t, e, "a")
	_, err = again.Claim(t.Context(), cluster.Want{Set: four(t), Blocks: 1})
	require.ErrorIs(t, err, cluster.ErrNoBlocks)
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrStopped)

	// Once its containers are gone, it can join again, under a name that is free.
	require.NoError(t, a.store.Update(t.Context(), func(tx backend.Tx) error { return tx.Delete(blocks[0].First) }))
	require.NoError(t, a.Forget(t.Context()))
	m, blocks = a.state(t)
	require.Zero(t, m)
	require.Empty(t, blocks)
	require.ErrorIs(t, a.Forget(t.Context()), cluster.ErrNotMember)
	require.ErrorIs(t, a.Join(t.Context(), "dc1", "pods", "a"), cluster.ErrNameTaken)
	require.NoError(t, a.Join(t.Context(), "dc1", "pods", "a2"))
}

// An eviction that was interrupted is continued before another host gets the name.
func TestEvictInterrupted(t *testing.T) {
	e := newSpace(t)
	newHost(t, e, "a").claim(t, cluster.Want{Set: four(t), Blocks: 4})
	interrupted := cluster.NewAdmin(failing{e, 2}.engine(), prefix)
	_, err := interrupted.Evict(t.Context(), "pods", hostNamed(t, e, "a"))
	require.ErrorIs(t, err, cluster.ErrUnknown)
	b := &host{store: leases.New(), engine: e, name: "b"}
	b.boot("boot1")
	err = b.Join(t.Context(), "dc1", "pods", "a")
	require.ErrorIs(t, err, cluster.ErrInterrupted)
	require.ErrorContains(t, err, "the eviction of the host that had this name was interrupted; evict it again: a")
	require.Equal(t, 4, evict(t, e, "a"))
	require.NoError(t, b.Join(t.Context(), "dc1", "pods", "a"), "it continues")
}

// failing does some commits, and then no more.
type failing struct {
	cluster.Engine
	left int
}

func (f failing) engine() cluster.Engine { return &f }

func (f *failing) Commit(ctx context.Context, t cluster.Txn) (cluster.Outcome, error) {
	if f.left--; f.left < 0 {
		return cluster.Outcome{}, cluster.ErrUnknown
	}
	return f.Engine.Commit(ctx, t)
}

func TestAttest(t *testing.T) {
	e := newSpace(t)
	a := newHost(t, e, "a")
	a.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	a.boot("boot2")
	require.NoError(t, a.Attest(t.Context()))
	require.NoError(t, a.Attest(t.Context()), "once in a boot")
	m, _ := a.state(t)
	require.Equal(t, "boot2", m.Attested)
	require.EqualValues(t, 3, m.Sequence)
	require.Equal(t, "boot2", hostNamed(t, e, "a").Boot)

	a.name = "another machine"
	a.boot("boot3")
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrStopped)
	require.ErrorContains(t, a.Attest(t.Context()), "its store was made on another machine")
}

// What is below the prefix is a format that other programs read.
func TestKeys(t *testing.T) {
	e := newSpace(t)
	a := newHost(t, e, "a")
	a.claim(t, cluster.Want{Set: four(t), Addr: ip("10.0.0.6")}, cluster.Want{Set: six(t), Addr: ip("fd00::105")})
	m, _ := a.state(t)
	incarnation := m.Incarnation.String()
	found, err := e.Range(t.Context(), prefix, prefix+"0", false)
	require.NoError(t, err)
	keys := map[string]map[string]any{}
	for _, entry := range found {
		value := map[string]any{}
		if len(entry.Value) > 0 {
			require.NoError(t, json.Unmarshal(entry.Value, &value))
		}
		if value["Ranges"] != nil {
			require.Equal(t, m.Seen.Space.String(), value["ID"])
			delete(value, "ID")
		}
		delete(value, "Mark")
		delete(value, "Recovery") // the time
		keys[strings.TrimPrefix(entry.Key, prefix+"/1/pods/")] = value
	}
	block := map[string]any{"V": 1.0, "Host": "a", "Incarnation": incarnation}
	require.Equal(t, map[string]map[string]any{
		"config": {
			"V": 1.0, "Block4": 4.0, "Block6": 256.0, "Ranges": []any{"10.0.0.0-10.0.0.15", "fd00::/64"},
			"Accepted": map[string]any{"Cluster": 1.0, "Offset": 0.0},
		},
		"config-padding":        {},
		prefix + "/spaces/pods": {},
		"host/a":                {"V": 1.0, "Incarnation": incarnation, "Sequence": 2.0, "Boot": "boot1", "Machine": "machine of a"},
		"block/40a000004":       block,
		"block/6fd000000000000000000000000000100":                    block,
		"of/a/" + incarnation + "/40a000004":                         {},
		"of/a/" + incarnation + "/6fd000000000000000000000000000100": {},
	}, keys)
}

func TestInitRefuses(t *testing.T) {
	admin := cluster.NewAdmin(newSpace(t), prefix)
	good := func() cluster.Config { return cluster.Config{Block4: 4, Ranges: []string{"10.0.0.0/28"}} }
	require.ErrorIs(t, admin.Init(t.Context(), "pods", good()), cluster.ErrExists)
	for text, spoil := range map[string]func(*cluster.Config){
		"block size 3: want a power of two up to 65536":      func(c *cluster.Config) { c.Block4 = 3 },
		"block size 131072: want a power of two":             func(c *cluster.Config) { c.Block4 = 1 << 17 },
		"range fd00::/64: there is no block size":            func(c *cluster.Config) { c.Ranges = append(c.Ranges, "fd00::/64") },
		"the space has no ranges":                            func(c *cluster.Config) { c.Ranges = nil },
		`"10.0.0.9-10.0.0.1": 10.0.0.9 comes after 10.0.0.1`: func(c *cluster.Config) { c.Ranges = []string{"10.0.0.9-10.0.0.1"} },
	} {
		c := good()
		spoil(&c)
		require.ErrorContains(t, admin.Init(t.Context(), "other", c), text)
	}
	require.ErrorContains(t, admin.Init(t.Context(), "a b", good()), `name "a b"`)
}

// Hosts that claim at the same time, each with several processes, share all blocks and no block.
func TestConcurrentClaims(t *testing.T) {
	e := memory.New()
	const hosts, processes, blocks = 4, 3, 64
	require.NoError(t, cluster.NewAdmin(e, prefix).Init(t.Context(), "pods", cluster.Config{Block4: 1, Ranges: []string{"10.0.0.0/26"}}))
	all := set(t, "10.0.0.0/26", "10.0.0.0", "10.0.0.63")
	var wait sync.WaitGroup
	var members []*host
	for i := range hosts {
		members = append(members, newHost(t, e, fmt.Sprint("host", i)))
	}
	for _, h := range members {
		for range processes {
			wait.Go(func() {
				for {
					_, err := h.Claim(context.Background(), cluster.Want{Set: all, Blocks: 2})
					if errors.Is(err, cluster.ErrNoBlocks) {
						return
					}
					assert.NoError(t, err)
				}
			})
		}
	}
	wait.Wait()
	owner := make(map[netip.Addr]string)
	for _, h := range members {
		require.NoError(t, h.Audit(t.Context()))
		m, held := h.state(t)
		require.Zero(t, m.Intent)
		for _, b := range held {
			require.Empty(t, owner[b.First], b)
			owner[b.First] = h.name
		}
	}
	require.Len(t, owner, blocks)
}
