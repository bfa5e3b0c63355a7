package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/chart"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/program"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

func TestParts(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	require.NoError(t, err)
	doc, err := os.ReadFile("main.go")
	require.NoError(t, err)
	for i, p := range parts() {
		require.Equal(t, names()[i], p.Name)
		require.Contains(t, string(readme), "<!-- compare: "+p.Name+" -->\n", "its tables have a place")
		require.Contains(t, string(doc), "//\t"+p.Name+"  ", "it is explained")
		require.NotEmpty(t, p.Section.Title)
		chosen, err := options{only: p.Name}.parts()
		require.NoError(t, err)
		require.Len(t, chosen, 1)
		require.Equal(t, p.Name, chosen[0].Name)
	}
	all, err := options{}.parts()
	require.NoError(t, err)
	require.Len(t, all, len(parts()))
	_, err = options{only: "nothing"}.parts()
	require.ErrorContains(t, err, "-only nothing: there is no such part; want one of whole, crowd, ")
}

func TestPlaces(t *testing.T) {
	disk := t.TempDir()
	all, remove, err := options{disk: disk}.places()
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, disk, filepath.Dir(all[0].Dir))
	require.DirExists(t, all[0].Dir)
	remove()
	require.NoDirExists(t, all[0].Dir)

	_, _, err = options{}.places()
	require.ErrorContains(t, err, "neither -disk nor -tmpfs")
	_, _, err = options{disk: filepath.Join(disk, "none")}.places()
	require.ErrorIs(t, err, os.ErrNotExist)
	left, err := os.ReadDir(disk)
	require.NoError(t, err)
	require.Empty(t, left)
}

// Two places on one kind of file system could not be told apart.
func TestDiskIsNoTmpfs(t *testing.T) {
	const tmpfs = "/dev/shm"
	if len((options{tmpfs: tmpfs}).parents()) == 0 {
		t.Skip("there is no tmpfs at " + tmpfs)
	}
	_, _, err := options{disk: tmpfs, tmpfs: tmpfs}.places()
	require.ErrorContains(t, err, "-disk /dev/shm is on a tmpfs as well")
	left, err := filepath.Glob(tmpfs + "/leasehold-compare-*")
	require.NoError(t, err)
	require.Empty(t, left)
}

// fake returns a part that finds one value.
func fake(value float64) part.Part {
	k := result.Key{FileSystem: "ext4", Contestant: "bolt", Measure: "ADD"}
	return part.Part{
		Name: "fake",
		Section: report.Section{Title: "Fake", Tables: []report.Table{{
			Title: "ADD", Measure: "ADD", Columns: report.Contestants(report.Plain, "bolt"),
		}}},
		Run: func(_ context.Context, _ part.Env, r *result.Results) error {
			r.Add(k, result.Nanoseconds, value)
			return nil
		},
		Figures: func(r *result.Results) []part.Figure {
			return []part.Figure{{Name: "fake-one", Figure: chart.Figure{Title: "One", Panels: make([]chart.Panel, 1)}}}
		},
	}
}

// site makes a directory with a README, and options to write there.
func site(t *testing.T) options {
	t.Helper()
	o := options{out: t.TempDir()}
	require.NoError(t, os.WriteFile(o.readme(), []byte("<!-- compare: fake -->\n<!-- compare: end of fake -->\n"), 0o600))
	return o
}

func runFake(t *testing.T, o options, value float64) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, o.run(t.Context(), part.Env{Quick: o.quick, Programs: program.Set{}}, fake(value), &out))
	return out.String()
}

func TestRunWritesResults(t *testing.T) {
	o := site(t)
	require.Contains(t, runFake(t, o, 3), "There are no earlier results of fake.")
	require.FileExists(t, o.results("fake.json"))
	require.FileExists(t, o.results("fake-one.svg"))
	readme, err := os.ReadFile(o.readme())
	require.NoError(t, err)
	require.Contains(t, string(readme), "| 3.00 |")
	require.Contains(t, string(readme), "![One](results/fake-one.svg)")

	// What an earlier run has drawn and this one does not is not left behind.
	require.NoError(t, os.WriteFile(o.results("fake-two.svg"), nil, 0o600))
	out := runFake(t, o, 6)
	require.Contains(t, out, "## Changes of fake")
	require.Contains(t, out, "2.00")
	require.NoFileExists(t, o.results("fake-two.svg"))
	require.FileExists(t, o.results("fake-one.svg"))
}

func value(t *testing.T, o options) float64 {
	t.Helper()
	r, err := result.Read(o.results("fake.json"))
	require.NoError(t, err)
	return r.Series[0].Values[0]
}

func TestQuickDoesNotReplaceOthers(t *testing.T) {
	o := site(t)
	o.quick = true
	runFake(t, o, 1)
	runFake(t, o, 2)
	require.Equal(t, 2.0, value(t, o))
	o.quick = false
	runFake(t, o, 3)
	require.Equal(t, 3.0, value(t, o))
	o.quick = true
	require.Contains(t, runFake(t, o, 4), "## Changes of fake")
	require.Equal(t, 3.0, value(t, o))
}

func TestDry(t *testing.T) {
	o := site(t)
	o.dry = true
	require.Contains(t, runFake(t, o, 1), "| 1.00 |")
	require.NoFileExists(t, o.results("fake.json"))
}
