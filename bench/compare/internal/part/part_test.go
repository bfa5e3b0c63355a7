package part_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/chart"
	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

func TestTimesAndPick(t *testing.T) {
	require.Equal(t, 40, part.Env{}.Times(40, 5))
	require.Equal(t, 5, part.Env{Quick: true}.Times(40, 5))
	require.Equal(t, 7, part.Env{Quick: true, Rounds: 7}.Times(40, 5))
	require.Equal(t, 7, part.Env{Rounds: 7}.Times(40, 5))
	require.Equal(t, "much", part.Pick(part.Env{}, "much", "little"))
	require.Equal(t, "little", part.Pick(part.Env{Quick: true}, "much", "little"))
}

func TestRound(t *testing.T) {
	require.Equal(t, "warming up", part.Round(2, 3, 40))
	require.Equal(t, "round 1 of 40", part.Round(3, 3, 40))
	require.Equal(t, "round 40 of 40", part.Round(42, 3, 40))
}

func TestIn(t *testing.T) {
	e := part.Env{Places: []part.Place{{"one", t.TempDir()}, {"two", t.TempDir()}}}
	var names, dirs []string
	require.NoError(t, e.In(func(p part.Place, dir string) error {
		names, dirs = append(names, p.Name), append(dirs, dir)
		require.Equal(t, p.Dir, filepath.Dir(dir))
		return os.WriteFile(filepath.Join(dir, "store"), nil, 0o600)
	}))
	require.Equal(t, []string{"one", "two"}, names)
	for _, dir := range dirs {
		require.NoDirExists(t, dir)
	}

	failed := errors.New("failed")
	calls := 0
	require.ErrorIs(t, e.In(func(part.Place, string) error { calls++; return failed }), failed)
	require.Equal(t, 1, calls)
}

func results() *result.Results {
	r := new(result.Results)
	for _, fileSystem := range []string{"ext4", "tmpfs"} {
		for _, leases := range []int{0, 1000} {
			for _, name := range []string{contest.Bolt, contest.Stock} {
				if leases > 0 && name == contest.Stock {
					continue
				}
				for _, v := range []float64{10, 20, 30} {
					r.Add(result.Key{FileSystem: fileSystem, Leases: leases, Contestant: name, Measure: "ADD"}, result.Nanoseconds, v)
				}
			}
		}
	}
	return r
}

func TestLines(t *testing.T) {
	r := results()
	require.Equal(t, []string{"ext4", "tmpfs"}, part.FileSystems(r))
	keys := part.Keys(r, "ADD", func(k result.Key) bool { return k.FileSystem == "tmpfs" })
	require.Equal(t, []result.Key{
		{FileSystem: "tmpfs", Measure: "ADD"}, {FileSystem: "tmpfs", Leases: 1000, Measure: "ADD"},
	}, keys)
	require.Empty(t, part.Keys(r, "DEL", func(result.Key) bool { return true }))
	require.Equal(t, []string{"0", "1000"}, part.Counts(keys, func(k result.Key) int { return k.Leases }))

	lines := part.Lines(r, keys, 0.5)
	require.Len(t, lines, 2)
	require.Equal(t, contest.Stock, lines[0].Name, "in the order in which they are shown")
	require.Equal(t, []chart.Point{{X: 0, Low: 6, Median: 10, High: 14}}, lines[0].Points)
	require.Equal(t, contest.Bolt, lines[1].Name)
	require.Equal(t, []chart.Point{{X: 0, Low: 6, Median: 10, High: 14}, {X: 1, Low: 6, Median: 10, High: 14}}, lines[1].Points)
	require.NotEqual(t, lines[0].Color, lines[1].Color)

	again := part.Lines(r, keys[1:], 1)
	require.Equal(t, lines[1].Color, again[0].Color, "whoever else is there")
}

func TestEverybodyHasAColor(t *testing.T) {
	require.LessOrEqual(t, len(contest.Names()), chart.Colors)
}

func TestFileName(t *testing.T) {
	require.Equal(t, "whole-ext4-single-stack", part.FileName("whole", "ext4", "single stack"))
	require.Equal(t, "a----b", part.FileName("A", "/ ", "b"))
}
