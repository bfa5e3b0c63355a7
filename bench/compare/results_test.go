package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

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

// The table of ADDs in the project's README has the medians of the samples on ext4, and the
// ratios with their percentiles.
func TestProjectReadme(t *testing.T) {
	_, adds, _ := strings.Cut(read(t, "../results/whole.md"), "## ADD, ms\n\n")
	adds, _, _ = strings.Cut(adds, "\n\n")
	measured := make(map[string]string) // a cell by leases and column
	var head []string
	for line := range strings.Lines(adds) {
		row := cells(line)
		if head == nil {
			head = row
		}
		for i, cell := range row {
			if row[0] == "ext4" && row[1] == "single-stack" {
				measured[row[2]+" "+head[i]] = cell
			}
		}
	}
	const begin = "| leases held | stock |"
	_, table, found := strings.Cut(read(t, "../../README.md"), begin)
	require.True(t, found, "the README has no table of ADDs")
	table, _, _ = strings.Cut(begin+table, "\n\n")
	checked := 0
	head = nil
	for line := range strings.Lines(table) {
		row := cells(strings.ReplaceAll(line, "empty Go program", "empty-go"))
		if head == nil {
			head = row
		}
		for i := 1; i < len(row); i++ {
			cell, ok := measured[row[0]+" "+head[i]]
			if !ok {
				continue // the head, and the line below it
			}
			if !strings.Contains(row[i], "(") {
				cell, _, _ = strings.Cut(cell, " (")
			}
			require.Equal(t, cell, row[i], "%s at %s leases", head[i], row[0])
			checked++
		}
	}
	require.GreaterOrEqual(t, checked, 20)
}

// Both READMEs name the version of the stock plugin that the results are of, and the one of the
// benchmark says so as long as it is not the version that is built.
func TestStockVersion(t *testing.T) {
	s, err := samples.Read("../results/whole.txt")
	require.NoError(t, err)
	var measured string
	for _, c := range s.Config {
		if c[0] == "stock" {
			_, measured, _ = strings.Cut(c[1], " ")
		}
	}
	require.Regexp(t, `^v1\.\d+\.\d+$`, measured)
	require.Contains(t, read(t, "../../README.md"), "stock plugin "+measured+" ")
	built := strings.Contains(read(t, "go.mod"), "github.com/containernetworking/plugins "+measured+" ")
	require.Equal(t, !built, strings.Contains(read(t, "../README.md"), "measured with "+measured+" of the stock plugin"))
}

func cells(line string) []string {
	row := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
	for i := range row {
		row[i] = strings.TrimSpace(row[i])
	}
	return row
}
