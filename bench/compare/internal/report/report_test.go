package report

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0.00", 0.994: "0.99", 1: "1.00", 9.994: "9.99", 9.996: "10.0", 99.94: "99.9", 99.96: "100",
		769.6: "770", 1234.5: "1,235", 999_999: "999,999", 1_000_000: "1,000,000",
	} {
		require.Equal(t, want, number(x))
	}
}

func TestSummary(t *testing.T) {
	for want, values := range map[string][]float64{nothing: nil, "7.00": {7}, "2.00 (1.20–2.80)": {3, 1, 2}} {
		require.Equal(t, want, summary(values))
	}
}

// set returns samples of three rounds, in which stock always takes ten times as long as bolt,
// and is not measured at a thousand leases.
func set() *samples.Set {
	s := &samples.Set{Part: "whole", Config: [][2]string{{"date", "2025-12-31"}}}
	add := func(leases int, store, unit string, value float64) {
		s.Add(samples.Key{Store: store, FS: "ext4", Case: "dual-stack", Leases: leases}, unit, value)
	}
	for _, ms := range []float64{1, 100, 2} {
		add(0, peers.Bolt, "ADD-ns", ms*1e6)
		add(0, peers.Stock, "ADD-ns", 10*ms*1e6)
		add(0, peers.Bolt, "commands/s", 1/ms)
		add(0, peers.Bolt, "ADD-syncs", 1)
		add(0, peers.Stock, "ADD-syncs", 0)
		add(0, peers.Stock, "commands/s", 0.1/ms)
		add(1000, peers.Bolt, "ADD-ns", 1e6)
		add(1000, peers.Bolt, "ADD-worst-ns", ms*1e6)
	}
	add(1000, peers.Bolt, "size-B", 4e6)
	add(1000, peers.Bolt, "size-B", 6e6)
	return s
}

const want = `# whole

As a runtime pays for them.

Medians of the rounds (10th–90th percentile); a ratio is the median of those within a round.

## ADD, ms

| fs   | case       | leases | at once |           stock |             bolt |     stock / bolt |
|:-----|:-----------|-------:|--------:|----------------:|-----------------:|-----------------:|
| ext4 | dual-stack |      0 |       – | 20.0 (12.0–804) | 2.00 (1.20–80.4) | 10.0 (10.0–10.0) |
| ext4 | dual-stack |  1,000 |       – |               – | 1.00 (1.00–1.00) |                – |

## commands/s

| fs   | case       | leases | at once |            stock |             bolt |     bolt / stock |
|:-----|:-----------|-------:|--------:|-----------------:|-----------------:|-----------------:|
| ext4 | dual-stack |      0 |       – | 0.05 (0.01–0.09) | 0.50 (0.11–0.90) | 10.0 (10.0–10.0) |

## ADD-syncs

| fs   | case       | leases | at once |            stock |             bolt |
|:-----|:-----------|-------:|--------:|-----------------:|-----------------:|
| ext4 | dual-stack |      0 |       – | 0.00 (0.00–0.00) | 1.00 (1.00–1.00) |

## ADD-worst, ms, the longest in all rounds

| fs   | case       | leases | at once | bolt |
|:-----|:-----------|-------:|--------:|-----:|
| ext4 | dual-stack |  1,000 |       – |  100 |

## size-B

| fs   | case       | leases | at once |                            bolt |
|:-----|:-----------|-------:|--------:|--------------------------------:|
| ext4 | dual-stack |  1,000 |       – | 5,000,000 (4,200,000–5,800,000) |

## size-B, growth: the largest / the first

| fs   | case       | leases | at once | bolt |
|:-----|:-----------|-------:|--------:|-----:|
| ext4 | dual-stack |  1,000 |       – | 1.50 |

## size-B, for each lease

| fs   | case       | leases | at once |  bolt |
|:-----|:-----------|-------:|--------:|------:|
| ext4 | dual-stack |  1,000 |       – | 5,000 |
`

func write(w interface{ Write([]byte) (int, error) }) error {
	pairs := []Pair{{peers.Stock, peers.Bolt}, {peers.Stock, peers.Files}}
	return Write(w, set(), "As a runtime pays for them.", pairs, []View{
		{"growth: the largest / the first", "-B", func(values []float64, _ int) float64 { return slices.Max(values) / values[0] }},
		{"for each lease", "-B", func(_ []float64, leases int) float64 { return 5e6 / float64(leases) }},
	})
}

func TestWrite(t *testing.T) {
	var out strings.Builder
	require.NoError(t, write(&out))
	require.Equal(t, want, out.String())
}

type broken struct{ room int }

func (b *broken) Write(p []byte) (int, error) {
	if b.room -= len(p); b.room < 0 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

// A table that ends in the middle must not pass for a shorter one.
func TestWriteFails(t *testing.T) {
	for room := range len(want) {
		require.EqualError(t, write(&broken{room}), "full")
	}
}

func TestHeadlines(t *testing.T) {
	s := new(samples.Set)
	for leases, factor := range map[int]float64{0: 2, 65_000: 300} {
		for _, ns := range []float64{5, 500, 50} {
			k := samples.Key{FS: "ext4", Case: "single-stack", Leases: leases}
			k.Store = peers.Stock
			s.Add(k, "ADD-ns", ns*factor)
			k.Store = peers.Bolt
			s.Add(k, "ADD-ns", ns)
		}
	}
	text := Headlines(map[string]*samples.Set{"whole": s})
	require.Regexp(t, `(?m)^\| ADD, no leases: stock / bolt +\| 2.00 \|$`, text)
	require.Regexp(t, `(?m)^\| ADD, 65,000 leases: stock / bolt +\|  300 \|$`, text)
	require.Regexp(t, `(?m)^\| one goroutine: .* +\|    – \|$`, text)
}

func TestSplice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(path, []byte("before\n<!-- compare -->\nold\n<!-- end of compare -->\nafter\n"), 0o600))
	for _, text := range []string{"more\n", "new\n"} {
		require.NoError(t, Splice(path, text))
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "before\n<!-- compare -->\n\nnew\n\n<!-- end of compare -->\nafter\n", string(text))

	require.NoError(t, os.WriteFile(path, []byte("nothing"), 0o600))
	require.ErrorContains(t, Splice(path, "x"), `README.md: no lines "<!-- compare -->"`)
}
