package cluster_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster"
)

// A counting engine counts requests: commits and ranges wait for more than one server, looks for one.
type counting struct {
	cluster.Engine
	commits, ranges, looks int
}

func (c *counting) Commit(ctx context.Context, t cluster.Txn) (cluster.Outcome, error) {
	c.commits++
	return c.Engine.Commit(ctx, t)
}

func (c *counting) Range(ctx context.Context, from, to string, stale bool) ([]cluster.Entry, error) {
	if stale {
		c.looks++
	} else {
		c.ranges++
	}
	return c.Engine.Range(ctx, from, to, stale)
}

// A kept cache keeps one text.
type kept struct{ text []byte }

func (k *kept) Get() []byte     { return k.text }
func (k *kept) Set(text []byte) { k.text = text }

// newCaching returns a host with a cache, and its engine.
func newCaching(t *testing.T, e cluster.Engine, cache cluster.Cache) (*host, *counting) {
	t.Helper()
	c := &counting{Engine: e}
	h := newHost(t, c, "a")
	h.Member = cluster.NewMember(h.store, c, cluster.Options{
		Identity: cluster.Identity{Boot: "boot1", Machine: "machine of a"}, Prefix: prefix, Cache: cache,
	})
	*c = counting{Engine: e}
	return h, c
}

func TestClaimAfterAClaimMakesOneRequest(t *testing.T) {
	h, c := newCaching(t, newSpace(t), &kept{})
	h.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	require.Equal(t, counting{Engine: c.Engine, commits: 2, looks: 1}, *c, "it asks what there is")
	for n := range 3 {
		*c = counting{Engine: c.Engine}
		h.claim(t, cluster.Want{Set: four(t), Blocks: 1})
		require.Equal(t, counting{Engine: c.Engine, commits: 1}, *c, "claim %d", n)
	}
	_, err := h.Claim(t.Context(), cluster.Want{Set: four(t), Blocks: 1})
	require.ErrorIs(t, err, cluster.ErrNoBlocks)
}

// Of many free blocks a host recalls some for its next claims, also if it claims for several sets.
func TestClaimRecallsFreeBlocks(t *testing.T) {
	h, c := newCaching(t, newSpace(t), &kept{})
	both := []cluster.Want{{Set: six(t), Blocks: 1}, {Set: four(t), Blocks: 1}}
	blocks := make(map[backend.Block]bool)
	claim := func(wants ...cluster.Want) counting {
		t.Helper()
		*c = counting{Engine: c.Engine}
		for _, b := range h.claim(t, wants...) {
			require.False(t, blocks[b], b)
			blocks[b] = true
		}
		return counting{commits: c.commits, ranges: c.ranges, looks: c.looks}
	}
	require.Equal(t, counting{commits: 2, looks: 2}, claim(both...))
	require.Equal(t, counting{commits: 1}, claim(both...))
	require.Equal(t, counting{commits: 1}, claim(cluster.Want{Set: six(t), Blocks: 15}))
	require.Equal(t, counting{commits: 1, looks: 1}, claim(cluster.Want{Set: six(t), Blocks: 3}))
	require.Len(t, blocks, 2+2+15+3)
}

// Blocks that a host recalls as free can be of other hosts by now.
func TestClaimRecallsBlocksThatAreHeldByNow(t *testing.T) {
	e := newSpace(t)
	h, _ := newCaching(t, e, &kept{})
	h.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	require.Len(t, newHost(t, e, "b").claim(t, cluster.Want{Set: four(t), Blocks: 2}), 2)
	require.Len(t, h.claim(t, cluster.Want{Set: four(t), Blocks: 1}), 1)
	_, err := h.Claim(t.Context(), cluster.Want{Set: four(t), Blocks: 1})
	require.ErrorIs(t, err, cluster.ErrNoBlocks)
}

// What a host has seen before is not believed where it has changed.
func TestClaimWithACacheThatIsOutOfDate(t *testing.T) {
	changes := map[string]struct {
		change func(t *testing.T, e cluster.Engine, h *host)
		want   error
	}{
		"evicted": {func(t *testing.T, e cluster.Engine, _ *host) { evict(t, e, "a") }, cluster.ErrStopped},
		"halted": {func(t *testing.T, e cluster.Engine, _ *host) {
			text, err := json.Marshal(cluster.HaltRecord{V: cluster.Version, By: "b", Text: "test"})
			require.NoError(t, err)
			_, err = e.Commit(t.Context(), cluster.Txn{Then: []cluster.Op{cluster.Put(prefix+"/1/pods/halt", text)}})
			require.NoError(t, err)
		}, cluster.ErrHalted},
		"a request of another process": {func(t *testing.T, e cluster.Engine, h *host) {
			other := *h
			other.boot("boot1")
			other.claim(t, cluster.Want{Set: four(t), Blocks: 1})
		}, nil},
		"another boot": {func(_ *testing.T, _ cluster.Engine, h *host) { h.boot("boot2") }, nil},
	}
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			e := newSpace(t)
			h, _ := newCaching(t, e, &kept{})
			h.claim(t, cluster.Want{Set: four(t), Blocks: 1})
			c.change(t, e, h)
			got, err := h.Claim(t.Context(), cluster.Want{Set: four(t), Blocks: 1})
			require.ErrorIs(t, err, c.want)
			require.Equal(t, c.want == nil, len(got) > 0)
		})
	}
}

func TestClaimWithACacheOfRubbish(t *testing.T) {
	for _, text := range []string{"", "rubbish", "{}", `{"Of": {}}`, "null"} {
		h, _ := newCaching(t, newSpace(t), &kept{[]byte(text)})
		require.Len(t, h.claim(t, cluster.Want{Set: four(t), Blocks: 1}), 1, text)
	}
}
