package contest

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/program"
	"github.com/leasehold/leasehold/bench/compare/internal/store"
)

var (
	tiny = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/29")}
	dual = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("fd00::/64")}
)

// Real plugins are contestants. They are built once for all tests of them.
func TestPlugins(t *testing.T) {
	set, err := program.Builder{Dir: t.TempDir()}.All(t.Context())
	require.NoError(t, err)
	t.Run("everybody does the same", func(t *testing.T) { testContestants(t, set) })
	t.Run("exhausted", func(t *testing.T) { testExhausted(t, set) })
	t.Run("wrong answer", func(t *testing.T) { testWrongAnswer(t, set) })
	t.Run("peak", func(t *testing.T) { testPeak(t, set) })
}

// What is answered is what was foreseen.
func testContestants(t *testing.T, set program.Set) {
	for _, subnets := range [][]netip.Prefix{tiny, dual} {
		l := New(set, t.TempDir(), subnets, Stock, Files, Bolt, Polling, EmptyGo, EmptyC)
		require.NoError(t, l.Prepare(func(c *Contestant) error { return c.Store.Grow(t.Context(), 3) }))
		for round := range 7 { // more than once around the small subnet
			require.NoError(t, l.Round(t.Context(), round, func(c *Contestant) error {
				for _, do := range []func() (time.Duration, error){c.Add, c.Check, c.DeleteOldest} {
					took, err := do()
					require.NoError(t, err)
					require.Positive(t, took)
				}
				return nil
			}))
		}
		for _, c := range l.Stored() {
			require.Equal(t, 3, c.Store.Len())
		}
		require.NoError(t, l.Verify(t.Context()))
	}
}

func testExhausted(t *testing.T, set program.Set) {
	l := New(set, t.TempDir(), tiny, Stock, Files, Bolt, EmptyGo)
	require.NoError(t, l.Prepare(func(c *Contestant) error { return c.Store.Grow(t.Context(), 5) }))
	for _, c := range l {
		took, err := c.AddInVain()
		require.NoError(t, err)
		require.Positive(t, took)
	}
	for _, c := range l.Stored() {
		_, err := c.Add()
		require.ErrorContains(t, err, "no address is left")
		_, err = c.DeleteNewest()
		require.NoError(t, err)
		_, err = c.AddInVain()
		require.ErrorContains(t, err, "exit status 0", "it was not in vain")
	}
}

// A plugin that gives another address than the one that is next is not measured
// but reported.
func testWrongAnswer(t *testing.T, set program.Set) {
	l := New(set, t.TempDir(), tiny, Files)
	next, _ := l[0].Store.Next()
	require.NoError(t, l[0].Store.Added(next)) // which it was not
	_, err := l[0].Add()
	require.ErrorContains(t, err, "ADD of files: want addresses [10.0.0.3/29], got: {")
	_, err = l[0].Check()
	require.ErrorContains(t, err, "CHECK of files: ")
	require.ErrorContains(t, l.Verify(t.Context()), "is leased to")
}

func testPeak(t *testing.T, set program.Set) {
	if set.Peak.Path == "" {
		t.Skip(set.Missing["peak"])
	}
	for _, c := range New(set, t.TempDir(), dual, Stock, Files, Bolt, EmptyGo) {
		bytes, err := c.AddPeak(set.Peak)
		require.NoError(t, err)
		require.Greater(t, bytes, 1e6, "no Go program needs less")
		if c.Store != nil {
			require.Equal(t, 1, c.Store.Len())
			require.NoError(t, c.Store.Verify(t.Context()))
		}
	}
}

func TestSplitPeak(t *testing.T) {
	answer, bytes, err := splitPeak("{\n}\n\n2048\n")
	require.NoError(t, err)
	require.Equal(t, "{\n}\n", answer)
	require.Equal(t, 2048.0*1024, bytes)
	for _, output := range []string{"", "2048", "{}\n", "{}\nmuch\n"} {
		_, _, err := splitPeak(output)
		require.Error(t, err, output)
	}
}

func TestCheckResult(t *testing.T) {
	c := &Contestant{Store: store.New(store.Files, "/nowhere", tiny...)}
	a := store.Attachment{Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.4")}}
	const answer = `{"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.4/29", "gateway": "10.0.0.1"}]}`
	require.NoError(t, c.checkResult(answer, a))
	for _, wrong := range []string{
		"", "{}", "panic: no", `{"ips": []}`,
		strings.Replace(answer, ".4/29", ".5/29", 1),
		strings.Replace(answer, ".4/29", ".4/28", 1),
		strings.Replace(answer, "[{", `[{"address": "10.0.0.3/29"}, {`, 1),
	} {
		require.Error(t, c.checkResult(wrong, a), wrong)
	}
}

// A program that there is none of does not take part.
func TestNew(t *testing.T) {
	set := program.Set{Leasehold: program.Program{Path: "/ours"}, EmptyGo: program.Program{Path: "/empty"}}
	l := New(set, "/data", tiny, Stock, Files, BoltEmpty, EmptyGo, EmptyC)
	var names, dirs []string
	for _, c := range l {
		names = append(names, c.Name)
	}
	require.Equal(t, []string{Files, BoltEmpty, EmptyGo}, names)
	for _, c := range l.Stored() {
		dirs = append(dirs, c.Store.Network.DataDir)
	}
	require.Equal(t, []string{"/data/01", "/data/02"}, dirs)
	require.Empty(t, l[0].Store.Network.Backend)
	require.Equal(t, "bolt", l[1].Store.Network.Backend)
}

func TestPrepareSaysWhoseStore(t *testing.T) {
	l := Lineup{{Name: "one", Store: store.New(store.Files, "/nowhere", tiny...)}}
	require.EqualError(t, l.Prepare(func(*Contestant) error { return os.ErrPermission }),
		"filling the store of one: permission denied")
}

func TestOrder(t *testing.T) {
	const n = 5
	places := make([]int, n)     // the sum of each one's places
	follows := map[[2]int]bool{} // who comes right after whom
	for round := range 2 * n {
		turns := order(n, round)
		require.ElementsMatch(t, []int{0, 1, 2, 3, 4}, turns)
		for place, who := range turns {
			places[who] += place
			if place > 0 {
				follows[[2]int{turns[place-1], who}] = true
			}
		}
	}
	require.Len(t, slices.Compact(places), 1, "everybody's places come out even")
	require.Len(t, follows, 2*n, "each follows either neighbour")
}
