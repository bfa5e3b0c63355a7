package inprocess

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/part/parttest"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

func TestRun(t *testing.T) {
	e := part.Env{Places: []part.Place{{Name: parttest.Place, Dir: t.TempDir()}}} // it starts no programs
	r := new(result.Results)
	p := plan{fills: []int{20, mostForFiles + 1}, goroutines: []int{1, 8}, fewer: 1_000, rounds: 2}
	require.NoError(t, p.run(t.Context(), e, r))

	for _, s := range r.Series {
		require.Equal(t, result.PerSecond, s.Unit)
		require.Len(t, s.Values, p.rounds)
		require.Positive(t, slices.Min(s.Values))
	}
	for _, fill := range p.fills {
		for _, n := range p.goroutines {
			at := func(fileSystem, contestant, measure string) []float64 {
				return r.Values(result.Key{
					FileSystem: fileSystem, Leases: fill, AtOnce: n, Contestant: contestant, Measure: measure,
				})
			}
			for _, measure := range []string{acquire, release} {
				require.NotEmpty(t, at(parttest.Place, contest.Bolt, measure))
				require.NotEmpty(t, at(parttest.Place, contest.Podman, measure))
				require.Equal(t, fill > mostForFiles, at(parttest.Place, contest.Files, measure) == nil)
			}
			for _, name := range []string{contest.Memory, contest.GoIPAM} {
				require.NotEmpty(t, at(inMemory, name, acquireInMemory))
				require.NotEmpty(t, at(inMemory, name, releaseInMemory))
			}
		}
	}
	require.Len(t, r.Series, 2*2*(2+2+2+2)+2*2, "files only at the smaller fill")

	parttest.Show(t, Part(), r, "### Acquire, ratios", "### Release, ratios", "bolt / podman layout",
		"| here        |          20 |          8 |", "| memory  |          20 |          8 |", "### In memory, ratios")
	require.Len(t, Part().Figures(r), 2)
	for _, f := range Part().Figures(r) {
		for _, panel := range f.Panels {
			require.Equal(t, []string{"1", "8"}, panel.Ticks)
			require.Subset(t, names(panel.Lines), []string{contest.Memory, contest.GoIPAM})
		}
	}
}

func TestPlan(t *testing.T) {
	full, quick := newPlan(part.Env{}), newPlan(part.Env{Quick: true})
	require.Subset(t, full.fills, quick.fills, "so that the two can be compared")
	require.Equal(t, full.goroutines, quick.goroutines)
	require.Contains(t, quick.goroutines, 512, "of which the goals are")
	for _, p := range []plan{full, quick} {
		for _, name := range []string{contest.Bolt, contest.Files, contest.Podman, contest.Memory, contest.GoIPAM} {
			for _, n := range p.goroutines {
				require.GreaterOrEqual(t, p.turn(name, n), n, "everybody has something to do")
			}
		}
	}
	// As the text says.
	require.Equal(t, 32_000, full.turn(contest.Bolt, 512))
	require.Equal(t, 512, full.turn(contest.Podman, 8))
	require.Equal(t, 64, full.turn(contest.Files, 8))
	require.Equal(t, 512, full.turn(contest.Files, 512))
}

func TestTextSaysWhichGoIPAM(t *testing.T) {
	mod, err := os.ReadFile("../../../go.mod")
	require.NoError(t, err)
	required := regexp.MustCompile(`github.com/metal-stack/go-ipam v\S+`).FindString(string(mod))
	require.NotEmpty(t, required)
	require.Contains(t, text, required)
}

func TestGoals(t *testing.T) {
	r := new(result.Results)
	for _, fileSystem := range []string{"ext4", "tmpfs"} {
		k := result.Key{FileSystem: fileSystem, Leases: 1_000, AtOnce: 512, Contestant: contest.Bolt, Measure: acquire}
		for _, v := range []float64{190_000, 200_000, 230_000} {
			r.Add(k, result.PerSecond, v)
		}
	}
	var out strings.Builder
	require.NoError(t, Part().Section.Write(&out, r))
	for _, fileSystem := range []string{"ext4 ", "tmpfs"} {
		require.Contains(t, out.String(), "| "+fileSystem+
			"       | durable leases per second in process, 512 goroutines, at 1,000 leases: bolt | ≥ 200,000 |")
	}
	require.NotContains(t, out.String(), "at 10,000 leases: bolt", "it was not measured")
}
