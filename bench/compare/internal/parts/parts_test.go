package parts

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

const here = "here" // the place in which parts run

// All parts run, with few leases and few rounds. The programs are built once.
func TestRun(t *testing.T) {
	programs, err := peers.Build(t.Context(), t.TempDir())
	require.NoError(t, err)
	env := func(t *testing.T, part string) *Env {
		return &Env{Programs: programs, Places: []Place{{here, t.TempDir()}}, Samples: &samples.Set{Part: part}}
	}
	c := 1 // whether there is an empty C program
	if programs.EmptyC.Path == "" {
		c = 0
	}
	for _, tt := range []struct {
		part    Part
		run     func(e *Env) error
		samples int
		shows   string
	}{
		{whole(), func(e *Env) error {
			return wholePlan{fills: []int{0, 30}, rounds: 2, warmUps: 1}.run(t.Context(), e)
		}, (4 + 5 + 2*c) * 2 * 3, "| here | dual-stack   |     30 |       – |"},
		{crowd(), func(e *Env) error {
			return crowdPlan{fills: []int{5}, crowds: []int{1, 8}, commands: 10, rounds: 2}.run(t.Context(), e)
		}, 5 * 2 * 7, "| here | –    |      5 |       8 |"},
		{worst(), func(e *Env) error {
			return worstPlan{subnet: "10.0.0.0/28", v6: 5, large: 5, rounds: 2, warmUps: 1}.run(t.Context(), e)
		}, 5*4 + 2 + 3*4 + 2, "| here | exhausted      |     13 |"},
		{churn(), func(e *Env) error {
			return churnPlan{subnet: "10.0.0.0/26", held: 40, commands: 40, fewer: 2, windows: 2}.run(t.Context(), e)
		}, 4*4 + 3, "| here | 20-commands |"},
		{inprocess(), func(e *Env) error {
			return inprocessPlan{fills: []int{20, maxFilesInprocess + 1}, goroutines: []int{1, 8}, fewer: 1_000, rounds: 2}.run(t.Context(), e)
		}, 2*2*(2+2+2+2) + 2*2, "| memory | –    |     20 |       8 |"},
		{space(), func(e *Env) error { return spacePlan{fills: []int{0, 200}, rounds: 2}.run(t.Context(), e) }, 2 * (4 + 4 + 1), "for each lease"},
	} {
		t.Run(tt.part.Name, func(t *testing.T) {
			e := env(t, tt.part.Name)
			require.NoError(t, tt.run(e))
			require.Len(t, e.Samples.Samples, tt.samples)
			for _, s := range e.Samples.Samples {
				switch {
				case s.Unit == "size-B":
					require.Len(t, s.Values, 3, "before the first window, and after each")
				case s.Unit == "disk-B", s.Unit == "heap-B":
					require.Len(t, s.Values, 1)
				default:
					require.Len(t, s.Values, 2)
				}
				if s.Unit != "heap-B" { // of an empty store it can be 0
					require.Positive(t, slices.Min(s.Values))
				}
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
}

// The search for the last address has all others before it.
func testFarEnd(t *testing.T, programs peers.Programs) {
	scene := worstPlan{subnet: "10.0.0.0/28"}.scenes()[2]
	l := peers.NewLineup(programs, t.TempDir(), []netip.Prefix{netip.MustParsePrefix(scene.subnet)}, peers.Stock, peers.Files, peers.Bolt)
	require.NoError(t, l.Fill(func(p *peers.Peer) error { return p.Store.Grow(t.Context(), scene.held) }))
	for _, p := range l {
		for range 2 {
			require.NoError(t, scene.turn(p, func(string, float64) {}))
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

func TestPlans(t *testing.T) {
	full, quick := &Env{}, &Env{Quick: true}
	require.Equal(t, 7, (&Env{Quick: true, Rounds: 7}).times(40, 5))
	require.Subset(t, newWholePlan(full).fills, newWholePlan(quick).fills, "so that the two can be compared")
	require.Subset(t, newCrowdPlan(full).crowds, newCrowdPlan(quick).crowds)
	require.Subset(t, newInprocessPlan(full).fills, newInprocessPlan(quick).fills)
	require.Equal(t, newWholePlan(full).rounds/4, newWholePlan(full).roundsAt(1_000_000))
	require.Equal(t, 1, wholePlan{rounds: 2}.roundsAt(1_000_000))
	for _, e := range []*Env{full, quick} {
		require.True(t, slices.IsSorted(newWholePlan(e).fills), "stores only grow")
		require.True(t, slices.IsSorted(newSpacePlan(e).fills), "stores only grow")
		require.Positive(t, newWorstPlan(e).warmUps, "only after the first ADD the search begins behind the last address")
		scenes := newWorstPlan(e).scenes()
		require.Equal(t, scenes[0].held, scenes[1].held)
		require.Equal(t, scenes[2].held+1, scenes[3].held)
		for _, peer := range []string{peers.Stock, peers.Bolt} {
			require.Zero(t, newChurnPlan(e).of(peer)%(2*newChurnPlan(e).windows), "as many commands as the case says")
		}
		for _, peer := range []string{peers.Bolt, peers.Files, peers.Podman, peers.Memory, peers.GoIPAM} {
			require.GreaterOrEqual(t, newInprocessPlan(e).turn(peer, 512), 512)
		}
	}
	require.Equal(t, 65_533, newWorstPlan(full).scenes()[3].held, "all of a /16")
	require.Equal(t, 32_000, newInprocessPlan(full).turn(peers.Bolt, 512)) // as the text says
	require.Equal(t, 512, newInprocessPlan(full).turn(peers.Podman, 8))
	require.Equal(t, 64, newInprocessPlan(full).turn(peers.Files, 8))
}

func TestLineupAt(t *testing.T) {
	var all peers.Lineup
	for _, name := range []string{peers.Stock, peers.Files, peers.Bolt, peers.BoltEmpty, peers.EmptyGo} {
		all = append(all, &peers.Peer{Name: name})
	}
	require.Equal(t, peers.Lineup{all[0], all[1], all[2], all[4]}, lineupAt(all, 0))
	require.Equal(t, all, lineupAt(all, 65_000))
	require.Equal(t, all[1:], lineupAt(all, 1_000_000))
}

func TestInEachEndsWithTheFirstError(t *testing.T) {
	e := &Env{Places: []Place{{"one", t.TempDir()}, {"two", t.TempDir()}}}
	failed := errors.New("failed")
	calls := 0
	require.ErrorIs(t, e.inEach(func(string, string) error { calls++; return failed }), failed)
	require.Equal(t, 1, calls)
}

func TestTextHasTheVersionOfGoIPAM(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	require.NoError(t, err)
	required := regexp.MustCompile(`github.com/metal-stack/go-ipam v\S+`).FindString(string(mod))
	require.NotEmpty(t, required)
	require.Contains(t, inprocess().Text, required)
}
