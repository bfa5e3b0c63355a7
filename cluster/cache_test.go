package cluster_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster"
)

// A counting engine counts the requests that wait for more than one server.
type counting struct {
	cluster.Engine
	commits, ranges int
}

func (c *counting) Commit(ctx context.Context, t cluster.Txn) (cluster.Outcome, error) {
	c.commits++
	return c.Engine.Commit(ctx, t)
}

func (c *counting) Range(ctx context.Context, from, to string, stale bool) ([]cluster.Entry, error) {
	if !stale {
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
	require.Equal(t, counting{Engine: c.Engine, commits: 2}, *c, "it asks what there is")
	for n := range 3 {
		*c = counting{Engine: c.Engine}
		h.claim(t, cluster.Want{Set: four(t), Blocks: 1})
		require.Equal(t, counting{Engine: c.Engine, commits: 1}, *c, "claim %d", n)
	}
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
