package worst

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/part/parttest"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

func TestRun(t *testing.T) {
	e, r := parttest.Env(t), new(result.Results)
	p := plan{subnet: "10.0.0.0/28", v6: 5, large: 5, rounds: 2, warmUps: 1}
	require.NoError(t, p.run(t.Context(), e, r))

	const adds, dels = 5*4 + 2, 3*4 + 2 // the large one without stock and files
	require.Len(t, r.Series, adds+dels)
	for _, s := range r.Series {
		require.Len(t, s.Values, 2)
		require.Positive(t, slices.Min(s.Values))
	}
	parttest.Show(t, Part(), r, "| here        | far end       |          12 |", "| here        | exhausted     |          13 |")
}

func TestScenes(t *testing.T) {
	for _, e := range []part.Env{{}, {Quick: true}} {
		scenes := newPlan(e).scenes()
		require.Equal(t, scenes[0].held, scenes[1].held, "the two differ in how the leases lie")
		require.Equal(t, scenes[2].held+1, scenes[3].held)
		require.Positive(t, newPlan(e).warmUps, "after the first ADD only the search begins behind the last address")
	}
	require.Equal(t, 65_533, newPlan(part.Env{}).scenes()[3].held, "all of a /16")
}

// The search for the last address has all others before it.
func TestFarEnd(t *testing.T) {
	e := parttest.Env(t)
	scene := plan{subnet: "10.0.0.0/28"}.scenes()[2]
	l := contest.New(e.Programs, t.TempDir(), []netip.Prefix{netip.MustParsePrefix(scene.subnet)}, contest.Stock, contest.Files, contest.Bolt)
	require.NoError(t, l.Prepare(func(c *contest.Contestant) error { return c.Store.Grow(t.Context(), scene.held) }))
	for _, c := range l {
		for range 2 {
			require.NoError(t, scene.turn(c, func(string, time.Duration) {}))
			next, ok := c.Store.Next()
			require.True(t, ok)
			require.Equal(t, "10.0.0.14", next.Addrs[0].String())
		}
	}
	require.NoError(t, l.Verify(t.Context()))
}
