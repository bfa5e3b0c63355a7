package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/parts"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

func TestParts(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	doc, err := os.ReadFile("main.go")
	require.NoError(t, err)
	for _, p := range parts.All() {
		require.Contains(t, string(readme), "(results/"+p.Name+".md)", "its tables are linked")
		require.Contains(t, string(doc), "//\t"+p.Name+"  ", "it is explained")
		chosen, err := options{only: p.Name}.parts()
		require.NoError(t, err)
		require.Len(t, chosen, 1)
		require.Equal(t, p.Name, chosen[0].Name)
	}
	all, err := options{}.parts()
	require.NoError(t, err)
	require.Len(t, all, len(parts.All()))
	_, err = options{only: "nothing"}.parts()
	require.EqualError(t, err, "-only nothing: no such part; the parts are whole, crowd, worst, churn, inprocess, space")
}

func TestPlaces(t *testing.T) {
	disk := t.TempDir()
	all, err := options{in: disk}.places()
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, disk, filepath.Dir(all[0].Dir))
	require.DirExists(t, all[0].Dir)

	_, err = options{in: filepath.Join(disk, "none")}.places()
	require.ErrorIs(t, err, os.ErrNotExist)
	// Two places on one kind of file system could not be told apart.
	all, err = options{in: disk + "," + disk}.places()
	require.ErrorContains(t, err, disk+" is on a "+all[0].Name+" as well")
	require.Len(t, all, 1)
}

// fake returns a part that finds one value, under the name of a real one.
func fake(value float64) parts.Part {
	return parts.Part{Name: "whole", Run: func(_ context.Context, e *parts.Env) error {
		for _, store := range []string{"stock", "bolt"} {
			for _, unit := range []string{"ADD-ns", "CHECK-ns", "DEL-ns"} {
				e.Samples.Add(samples.Key{Store: store, FS: "ext4", Case: "single-stack"}, unit, value*1e6)
			}
		}
		return nil
	}}
}

// site returns options to write to a directory with a README.
func site(t *testing.T) options {
	t.Helper()
	o := options{out: t.TempDir()}
	require.NoError(t, os.WriteFile(o.readme(), []byte("<!-- compare -->\n<!-- end of compare -->\n"), 0o600))
	return o
}

func runFake(t *testing.T, o options, value float64) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, o.run(t.Context(), &parts.Env{Quick: o.quick}, fake(value), &out))
	return out.String()
}

func measured(t *testing.T, o options) float64 {
	t.Helper()
	s, err := samples.Read(o.results("whole.txt"))
	require.NoError(t, err)
	return s.Samples[0].Values[0] / 1e6
}

func TestRunWritesResults(t *testing.T) {
	o := site(t)
	out := runFake(t, o, 3)
	require.Contains(t, out, "| ext4 | single-stack |      0 |       – |  3.00 | 3.00 |")
	require.Equal(t, 3.0, measured(t, o))
	tables, err := os.ReadFile(o.results("whole.md"))
	require.NoError(t, err)
	require.Equal(t, string(tables)+"\n", out)
	readme, err := os.ReadFile(o.readme())
	require.NoError(t, err)
	require.Regexp(t, `ADD, no leases: stock / bolt +\| 1.00 \|`, string(readme))

	o.report = true // what is drawn too, because the part is a real one
	var again strings.Builder
	require.NoError(t, run(t.Context(), o, &again))
	require.Contains(t, again.String(), "| ext4 | single-stack |      0 |       – |  3.00 | 3.00 |")
	require.FileExists(t, o.results("whole-ext4-single-stack.svg"))
}

func TestQuickDoesNotReplaceOthers(t *testing.T) {
	o := site(t)
	o.quick = true
	runFake(t, o, 1)
	runFake(t, o, 2)
	require.Equal(t, 2.0, measured(t, o))
	o.quick = false
	runFake(t, o, 3)
	o.quick = true
	require.Contains(t, runFake(t, o, 4), "4.00")
	require.Equal(t, 3.0, measured(t, o))
}

func TestDry(t *testing.T) {
	o := site(t)
	o.dry = true
	require.Contains(t, runFake(t, o, 1), " 1.00 |")
	require.NoDirExists(t, o.results(""))
}

func TestUnfinishedPartKeepsItsSamples(t *testing.T) {
	o := site(t)
	runFake(t, o, 3)
	stopped := fake(5)
	measures := stopped.Run
	stopped.Run = func(ctx context.Context, e *parts.Env) error {
		require.NoError(t, measures(ctx, e))
		e.Samples.Add(samples.Key{Store: "stock", FS: "ext4", Case: "single-stack"}, "ADD-ns", 9e6)
		return context.Canceled
	}
	var out strings.Builder
	require.ErrorIs(t, o.run(t.Context(), new(parts.Env), stopped, &out), context.Canceled)
	require.Contains(t, out.String(), "|  5.00 | 5.00 |")
	require.Equal(t, 3.0, measured(t, o), "the results are of a whole part")
	kept, err := samples.Read(o.results("whole.unfinished.txt"))
	require.NoError(t, err)
	require.Equal(t, []float64{5e6}, kept.Samples[0].Values, "nothing else had a second round")
}
