package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/parts"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

// committed reads the results that are in the repository.
func committed(t *testing.T) map[string]*samples.Set {
	t.Helper()
	sets := make(map[string]*samples.Set)
	for _, p := range parts.All() {
		s, err := samples.Read(options{out: ".."}.results(p.Name + ".txt"))
		require.NoError(t, err)
		require.NotNil(t, s, p.Name)
		sets[p.Name] = s
	}
	return sets
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// The committed tables, plots and ratios of the README are generated from the committed samples.
func TestResultsAreUpToDate(t *testing.T) {
	o := options{out: t.TempDir(), report: true}
	require.NoError(t, os.CopyFS(o.results(""), os.DirFS("../results")))
	require.NoError(t, os.WriteFile(o.readme(), []byte(read(t, "../README.md")), 0o600))
	var out strings.Builder
	require.NoError(t, run(t.Context(), o, &out))
	require.Equal(t, read(t, "../README.md"), read(t, o.readme()))
	files, err := filepath.Glob(o.results("*"))
	require.NoError(t, err)
	for _, path := range files {
		require.Equal(t, read(t, "../results/"+filepath.Base(path)), read(t, path), "run: go run -C bench/compare . -report")
	}
}

// The table of ADDs in the project's README has the medians of the samples, and the ratios
// with their percentiles.
func TestProjectReadmeTable(t *testing.T) {
	_, adds, _ := strings.Cut(read(t, "../results/whole.md"), "## ADD, ms\n\n")
	adds, _, _ = strings.Cut(adds, "\n\n")
	measured := make(map[string]string) // a cell by file system, leases and column
	var head []string
	for line := range strings.Lines(adds) {
		row := cells(line)
		if head == nil {
			head = row
		}
		for i, cell := range row {
			if row[1] == "single-stack" {
				measured[row[0]+" "+row[2]+" "+head[i]] = cell
			}
		}
	}
	_, table, found := strings.Cut(read(t, "../../README.md"), "| leases held |")
	if !found {
		t.Skip("the README has no such table")
	}
	table, _, _ = strings.Cut("| leases held |"+table, "\n\n")
	fs, checked := "", 0
	head = nil
	for line := range strings.Lines(table) {
		row := cells(line)
		if head == nil {
			head = row
			continue
		}
		if m := regexp.MustCompile(`^\*\*(.*)\*\* (.*)$`).FindStringSubmatch(row[0]); m != nil {
			fs, row[0] = m[1], m[2]
		}
		for i := range row {
			column := map[string]string{"empty Go program": "empty-go"}[head[i]]
			if column == "" {
				column = head[i]
			}
			cell, ok := measured[fs+" "+row[0]+" "+column]
			if median, _, _ := strings.Cut(cell, " ("); ok && i > 0 && row[i] != cell {
				require.Equal(t, median, row[i], "%s on %s at %s leases", head[i], fs, row[0])
				checked++
			}
		}
	}
	require.Greater(t, checked, 20)
}

func cells(line string) []string {
	row := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
	for i := range row {
		row[i] = strings.TrimSpace(row[i])
	}
	return row
}

// Figures in sentences of the project's README agree with the samples, when rounded. A sentence
// that the README no longer has is not checked.
func TestProjectReadmeProse(t *testing.T) {
	sets := committed(t)
	dual := samples.Key{FS: "ext4", Case: "dual-stack", Leases: 65_000}
	dualTmpfs := dual
	dualTmpfs.FS = "tmpfs"
	many := samples.Key{FS: "ext4", Leases: 1_000, AtOnce: 512}
	one := many
	one.AtOnce = 1
	bolt := func(k samples.Key) samples.Key { k.Store = "bolt"; return k }
	space := samples.Key{Store: "bolt", FS: "ext4", Leases: 65_000}
	files := space
	files.Store = "stock"
	inprocess := sets["inprocess"]
	readme := strings.Join(strings.Fields(read(t, "../../README.md")), " ")
	for sentence, want := range map[string][]float64{
		`bolt is ([\d,]+) \(ext4\) and ([\d,]+) times \(tmpfs\) as fast at 65,000`: {
			samples.Median(sets["whole"].Ratios(dual, "ADD-ns", "stock", "bolt")),
			samples.Median(sets["whole"].Ratios(dualTmpfs, "ADD-ns", "stock", "bolt")),
		},
		`takes ([\d,]+) bytes of a bolt file at 65,000 leases, and ([\d,]+) of a disk`: {
			samples.Median(sets["space"].Values(space, "disk-B")) / 65_000,
			samples.Median(sets["space"].Values(files, "disk-B")) / 65_000,
		},
		`bolt makes ([\d,]+) durable leases in a second on ext4: ([\d.]+) times as many`: {
			samples.Median(inprocess.Values(bolt(many), "acquired/s")),
			samples.Median(inprocess.Ratios(many, "acquired/s", "bolt", "podman-layout")),
		},
		`With one goroutine it makes ([\d,]+), or ([\d.]+) times as many`: {
			samples.Median(inprocess.Values(bolt(one), "acquired/s")),
			samples.Median(inprocess.Ratios(one, "acquired/s", "bolt", "podman-layout")),
		},
	} {
		m := regexp.MustCompile(sentence).FindStringSubmatch(readme)
		if m == nil {
			continue
		}
		for i, want := range want {
			got, err := strconv.ParseFloat(strings.ReplaceAll(m[i+1], ",", ""), 64)
			require.NoError(t, err)
			require.InEpsilon(t, want, got, 0.02, m[0])
		}
	}
}
