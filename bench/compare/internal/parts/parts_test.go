package parts

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

const here = "here" // the place in which parts run

// All parts run, with few leases and few rounds, beside this version as if it were another. The
// programs are built once.
func TestRun(t *testing.T) {
	root, err := filepath.Abs("../../../..")
	require.NoError(t, err)
	programs, err := peers.Build(t.Context(), t.TempDir(), root)
	require.NoError(t, err)
	small := func(e *Env, scenes ...scene) error {
		for i := range scenes {
			if len(scenes[i].leases) > 1 {
				scenes[i].leases = []int{0, 6}
			}
			if scenes[i].atOnce != nil {
				scenes[i].atOnce = []int{1, 8}
			}
			scenes[i].rounds, scenes[i].warmUps = 2, min(scenes[i].warmUps, 1)
		}
		return e.play(t.Context(), scenes...)
	}
	for _, tt := range []struct {
		part    Part
		run     func(e *Env) error
		samples int
		shows   string
	}{
		{whole(), func(e *Env) error { return small(e, wholeScenes(e)...) }, (6 + 7) * 2 * 3, "| here | dual-stack   |      6 |       – |"},
		{crowd(), func(e *Env) error {
			s := crowdScene(e, 10)
			s.leases = []int{5}
			return small(e, s)
		}, 6 * 2 * 7, "| here | –    |      5 |       8 |"},
		{worst(), func(e *Env) error { return small(e, worstScenes(e, "10.0.0.0/28", 5)...) }, 5*4 + 2 + 3*4 + 2, "| here | exhausted      |     13 |"},
		{churn(), func(e *Env) error { return e.play(t.Context(), churnScenes("10.0.0.0/26", 40, 2, 40, 10, 20)...) }, 4*4 + 3, "| here | 20-commands |"},
		{inprocess(), func(e *Env) error {
			e.Rounds = 2
			return measureInprocess(t.Context(), e, []int{1, 8}, 1_000)
		}, 2 * 5, "| here | –    |  1,000 |       8 |"},
		{space(), func(e *Env) error { return small(e, spaceScene(e)) }, 2 * (3 + 4), "for each lease"},
	} {
		t.Run(tt.part.Name, func(t *testing.T) {
			e := &Env{Programs: programs, Places: []Place{{Name: here, Dir: t.TempDir()}}, Samples: &samples.Set{Part: tt.part.Name}, Quick: true}
			require.NoError(t, tt.run(e))
			require.Len(t, e.Samples.Samples, tt.samples)
			for _, s := range e.Samples.Samples {
				rounds := map[string]int{"size-B": 3, "disk-B": 1}[s.Unit] // once more than there are windows; once
				if rounds == 0 {
					rounds = 2
				}
				require.Len(t, s.Values, rounds, s.Unit)
				require.Positive(t, slices.Min(s.Values))
			}
			var tables strings.Builder
			require.NoError(t, report.Write(&tables, e.Samples, tt.part.Text, tt.part.Pairs, tt.part.Views))
			require.Contains(t, tables.String(), tt.shows)
			left, err := os.ReadDir(e.Places[0].Dir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
	t.Run("far end", func(t *testing.T) { testFarEnd(t, programs) })
	t.Run("slow", func(t *testing.T) { testSlow(t, programs) })
}

// The search for the last address has all others before it.
func testFarEnd(t *testing.T, programs peers.Programs) {
	e := &Env{Samples: new(samples.Set)}
	scene := worstScenes(e, "10.0.0.0/28", 5)[2]
	l := peers.NewLineup(programs, t.TempDir(), scene.subnets, peers.Stock, peers.Files, peers.Bolt)
	require.NoError(t, l.Grow(t.Context(), scene.leases[0], 1))
	for _, p := range l {
		for range 2 {
			require.NoError(t, scene.turn(t.Context(), e.turnOf(p, samples.Key{}, Place{})))
			next, ok := p.Store.Next()
			require.True(t, ok)
			require.Equal(t, "10.0.0.14", next.Addrs[0].String())
		}
	}
	require.NoError(t, l.Verify(t.Context()))
}

func TestFigures(t *testing.T) {
	s := &samples.Set{}
	s.Add(samples.Key{Store: peers.Bolt, FS: "xfs", Case: "single-stack", Leases: 110, AtOnce: 1}, "ADD-ns", 1)
	for _, unit := range []string{"CHECK-ns", "DEL-ns", "commands/s", "ADD-p50-ns", "ADD-worst-ns"} {
		s.Add(s.Samples[0].Key, unit, 1)
	}
	require.Contains(t, whole().Figures(s), "whole-xfs-single-stack")
	require.Contains(t, crowd().Figures(s), "crowd-xfs-110")
	require.Empty(t, worst().Figures(s))
	for _, p := range All() {
		require.Empty(t, p.Figures(new(samples.Set)))
		for _, f := range p.Figures(s) {
			svg, err := f.SVG(s)
			require.NoError(t, err)
			require.NotEmpty(t, svg)
		}
	}
}

func TestScenes(t *testing.T) {
	full, quick := &Env{}, &Env{Quick: true}
	require.Equal(t, 7, (&Env{Quick: true, Rounds: 7}).times(40, 5))
	require.Equal(t, []int{0, 1_000}, (&Env{Most: 9_999}).upToMost([]int{0, 1_000, 10_000}))
	for i, s := range wholeScenes(full) {
		require.Subset(t, s.leases, wholeScenes(quick)[i].leases, "so that the two can be compared")
		require.Less(t, s.fewer, s.rounds)
	}
	require.Subset(t, crowdScene(full, 512).atOnce, crowdScene(quick, 128).atOnce)
	for _, e := range []*Env{full, quick} {
		require.True(t, slices.IsSorted(wholeScenes(e)[0].leases), "stores only grow")
		require.True(t, slices.IsSorted(spaceScene(e).leases), "stores only grow")
		worst := worstScenes(e, "10.0.0.0/16", 1_000_000)
		require.Positive(t, worst[2].warmUps, "only after the first ADD the search begins behind the last address")
		require.Equal(t, worst[0].leases, worst[1].leases)
		require.Equal(t, []int{65_532}, worst[2].leases)
		require.Equal(t, []int{65_533}, worst[3].leases, "all of a /16")
	}
	require.Equal(t, 32_000, leasesInTurn(peers.Bolt, 512, 1)) // as the text says
	require.Equal(t, 512, leasesInTurn(peers.Podman, 8, 1))
	require.Equal(t, 64, leasesInTurn(peers.Files, 8, 1))
	require.Equal(t, 512, leasesInTurn(peers.Files, 512, 4))
}

// Peers take part up to the number of leases that they can hold.
func TestPlayLimitsPeers(t *testing.T) {
	empty := peers.Program{Path: "/bin/true"}
	e := &Env{Samples: &samples.Set{Part: "limits"}, Places: []Place{{Name: here, Dir: t.TempDir()}}}
	e.Programs = peers.Programs{Leasehold: empty, EmptyGo: empty}
	met := make(map[int][]string)
	require.NoError(t, e.play(t.Context(), scene{
		subnets: subnets("10.0.0.0/24"), peers: []string{peers.Files, peers.Bolt, peers.BoltEmpty, peers.EmptyGo},
		leases: []int{0, 5}, most: map[string]int{peers.Files: 4}, rounds: 1,
		turn: func(_ context.Context, t *turn) error {
			met[t.key.Leases] = append(met[t.key.Leases], t.Name)
			return nil
		},
	}))
	require.Equal(t, map[int][]string{
		0: {peers.Files, peers.Bolt, peers.EmptyGo},
		5: {peers.Bolt, peers.BoltEmpty, peers.EmptyGo},
	}, met)
}

func TestInEachEndsWithTheFirstError(t *testing.T) {
	e := &Env{Places: []Place{{Name: "one", Dir: t.TempDir()}, {Name: "two", Dir: t.TempDir()}}}
	failed := errors.New("failed")
	calls := 0
	require.ErrorIs(t, e.inEach(func(Place, string) error { calls++; return failed }), failed)
	require.Equal(t, 1, calls)
}
