package report_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/machine"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

const ms = 1e6 // nanoseconds

// results returns those of three rounds, in which slow always takes ten times as
// long as fast, and is not measured at a thousand leases.
func results() *result.Results {
	r := &result.Results{
		Part: "whole",
		Date: "2025-12-31",
		Machine: machine.Machine{
			CPU: "Abacus", Cores: 2, Memory: "1.0 GiB", Kernel: "linux 7", Go: "go2",
		},
		Programs:    []result.Program{{Name: "slow", Version: "v1"}, {Name: "fast", Version: "v2"}},
		FileSystems: map[string]string{"ext4": "ext4 on /dev/vda"},
		Missing:     map[string]string{"in C": "no compiler"},
	}
	add := func(leases int, contestant, measure string, unit result.Unit, value float64) {
		r.Add(result.Key{
			FileSystem: "ext4", Case: "dual stack", Leases: leases, AtOnce: 8, Contestant: contestant, Measure: measure,
		}, unit, value)
	}
	for _, t := range []float64{1, 100, 2} {
		add(0, "slow", "ADD", result.Nanoseconds, 10*t*ms)
		add(0, "fast", "ADD", result.Nanoseconds, t*ms)
		add(1000, "fast", "ADD", result.Nanoseconds, ms)
	}
	add(1000, "fast", "size", result.Bytes, 3<<20)
	return r
}

func section() report.Section {
	var columns []report.Column
	columns = append(columns, report.Contestants(report.Milliseconds, "slow", "fast", "absent", "in C")...)
	columns = append(columns, report.Ratios(report.Pair{Of: "slow", To: "fast"}, report.Pair{Of: "fast", To: "absent"})...)
	fast := result.Key{Case: "dual stack", AtOnce: 8, Contestant: "fast", Measure: "ADD"}
	slow := fast
	slow.Contestant = "slow"
	return report.Section{
		Title: "Whole processes",
		Text:  "As a runtime pays for them.",
		Tables: []report.Table{
			{
				Title: "ADD", Text: "Milliseconds:", Measure: "ADD",
				Labels:  []report.Label{report.FileSystem, report.Case, report.Leases, report.Processes},
				Columns: columns,
			},
			{Title: "No such thing", Measure: "DEL", Columns: columns},
			{
				Title: "Sizes", Text: "MiB:", Measure: "size",
				Labels: []report.Label{report.Contestant},
				Columns: []report.Column{
					report.Measures("size", "size", report.MiB),
					report.Measures("longest", "ADD", report.WorstMilliseconds),
				},
			},
		},
		Goals: []report.Goal{
			{Text: "slow / fast", Want: 20, Values: report.RatioOf(slow, fast)},
			{Text: "slow / fast at most", Want: 10, AtMost: true, Values: report.RatioOf(slow, fast)},
			{Text: "not measured", Values: report.RatioOf(fast, result.Key{})},
		},
		Figures: []report.Figure{{Title: "A picture", Path: "results/a.svg"}},
	}
}

const want = `## Whole processes

As a runtime pays for them.

### ADD

Milliseconds:

| file system | case       | leases held | processes |            slow |             fast |        in C |      slow / fast |
| ----------- | ---------- | ----------: | --------: | --------------: | ---------------: | ----------: | ---------------: |
| ext4        | dual stack |           0 |         8 | 20.0 (12.0–804) | 2.00 (1.20–80.4) | no compiler | 10.0 (10.0–10.0) |
| ext4        | dual stack |       1,000 |         8 |               – | 1.00 (1.00–1.00) | no compiler |                – |

### Sizes

MiB:

| store | size | longest |
| ----- | ---: | ------: |
| fast  | 3.00 |    1.00 |

### Goals

| file system | goal                | to reach |            found | reached |
| ----------- | ------------------- | -------: | ---------------: | ------: |
| ext4        | slow / fast         |     ≥ 20 | 10.0 (10.0–10.0) |      no |
| ext4        | slow / fast at most |     ≤ 10 | 10.0 (10.0–10.0) |     yes |

![A picture](results/a.svg)

Measured on 2025-12-31. Abacus, 2 cores, 1.0 GiB; linux 7; go2.

- ext4: ext4 on /dev/vda
- slow: v1
- fast: v2
- not measured: in C: no compiler
`

func TestSection(t *testing.T) {
	var out strings.Builder
	require.NoError(t, section().Write(&out, results()))
	require.Equal(t, want, out.String())

	r := results()
	r.Quick = true
	require.NoError(t, section().Write(&out, r))
	require.Contains(t, out.String(), "with `-quick`")
}

type broken struct{ room int }

func (b *broken) Write(p []byte) (int, error) {
	if b.room -= len(p); b.room < 0 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

// A table that ends in the middle must not pass for one that is shorter.
func TestWriteFails(t *testing.T) {
	for room := range len(want) {
		require.EqualError(t, section().Write(&broken{room}, results()), "full")
	}
	before, now := results(), results()
	now.Series[0].Values = []float64{1, 1, 1}
	var out strings.Builder
	require.NoError(t, report.Changes(&out, before, now))
	for room := range out.Len() {
		require.EqualError(t, report.Changes(&broken{room}, before, now), "full")
	}
}

const changes = `## Changes of whole since 2025-12-31

Series in both: 4. Those that have changed by more than they vary: 1.

| store | measure | series |     now / before |
| ----- | ------- | -----: | ---------------: |
| fast  | ADD     |      2 | 1.25 (1.05–1.45) |
| fast  | size    |      1 |             1.01 |
| slow  | ADD     |      1 |             1.00 |

| series                                              |  before |     now | now / before |
| --------------------------------------------------- | ------: | ------: | -----------: |
| fast ADD, ext4, dual stack, 1,000 leases, 8 at once | 1.00 ms | 1.50 ms |         1.50 |

`

func TestChanges(t *testing.T) {
	before, now := results(), results()
	now.Series[2].Values = []float64{1.5 * ms, 1.4 * ms, 1.6 * ms}
	now.Series[3].Values[0] *= 1.01 // too slight
	now.Add(result.Key{Contestant: "new"}, result.Bytes, 1)
	var out strings.Builder
	require.NoError(t, report.Changes(&out, before, now))
	require.Equal(t, changes, out.String())

	now.Quick = true
	now.Machine.Cores = 64
	out.Reset()
	require.NoError(t, report.Changes(&out, before, now))
	require.Contains(t, out.String(), "since 2025-12-31, on another machine, one of the two with -quick\n")
}

func TestLargestChangesComeFirst(t *testing.T) {
	before, now := new(result.Results), new(result.Results)
	for i := range 30 {
		k := result.Key{Leases: i, Contestant: "one", Measure: "size"}
		before.Add(k, result.Bytes, 1000)
		now.Add(k, result.Bytes, 1000*float64(i+1))
	}
	halved := result.Key{Leases: 99, Contestant: "one", Measure: "size"}
	before.Add(halved, result.Bytes, 1000)
	now.Add(halved, result.Bytes, 1)
	var out strings.Builder
	require.NoError(t, report.Changes(&out, before, now))
	require.Contains(t, out.String(), "more than they vary: 30.")
	_, lines, _ := strings.Cut(out.String(), "\n\n| series ")
	rows := strings.Split(strings.TrimSpace(lines), "\n")[2:]
	require.Len(t, rows, 20)
	require.Contains(t, rows[0], "one size, 99 leases")
	require.Contains(t, rows[1], "one size, 29 leases")
	require.Contains(t, rows[19], "one size, 11 leases")
}

func TestChangesOfOtherThings(t *testing.T) {
	var out strings.Builder
	require.NoError(t, report.Changes(&out, new(result.Results), results()))
	require.Contains(t, out.String(), "Series in both: 0.")
	require.NotContains(t, out.String(), "|")
}

func TestSplice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(path, []byte(`before
<!-- compare: one -->
old
<!-- compare: end of one -->
between
<!-- compare: two -->
<!-- compare: end of two -->
after
`), 0o600))
	require.NoError(t, report.Splice(path, "one", "new\n\n"))
	require.NoError(t, report.Splice(path, "two", "more"))
	require.NoError(t, report.Splice(path, "two", "less"))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, `before
<!-- compare: one -->

new

<!-- compare: end of one -->
between
<!-- compare: two -->

less

<!-- compare: end of two -->
after
`, string(text))

	require.ErrorContains(t, report.Splice(path, "three", "x"), `README.md: no lines "<!-- compare: three -->"`)
	require.Error(t, report.Splice(filepath.Join(t.TempDir(), "none"), "one", "x"))
}

func TestValuesOf(t *testing.T) {
	values := report.ValuesOf(result.Key{Case: "dual stack", Leases: 1000, AtOnce: 8, Contestant: "fast", Measure: "ADD"})
	require.Equal(t, []float64{ms, ms, ms}, values(results(), "ext4"))
	require.Empty(t, values(results(), "tmpfs"))
}
