package report_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/machine"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
)

// results returns those of three rounds, in which slow always takes ten times as
// long as fast, and is not measured at a thousand leases.
func results() *report.Results {
	r := &report.Results{
		Machine: machine.Machine{
			CPU: "Abacus", Cores: 2, Kernel: "linux 7", FileSystem: "ext4 on /dev/vda", Go: "go2", Date: "2025-12-31",
		},
		Programs:    []report.Program{{Name: "slow", Version: "v1"}, {Name: "fast", Version: "v2"}},
		Rounds:      3,
		Contestants: []string{"slow", "fast", "absent"},
		Space:       []report.Space{{Fill: 0, Contestant: "fast", Bytes: 8192}, {Fill: 1000, Contestant: "fast", Bytes: 4_100_000}},
	}
	for _, ms := range []time.Duration{1, 100, 2} {
		r.Add(0, "slow", "ADD", 10*ms*time.Millisecond)
		r.Add(0, "fast", "ADD", ms*time.Millisecond)
		r.Add(1000, "fast", "ADD", time.Millisecond)
	}
	return r
}

const want = `## ADD

Milliseconds for one ADD, as the parent process sees them. Median of 3 rounds (10th–90th percentile):

| leases held |            slow |             fast |
| ----------: | --------------: | ---------------: |
|           0 | 20.0 (12.0–804) | 2.00 (1.20–80.4) |
|       1,000 |               – | 1.00 (1.00–1.00) |

One time divided by another of the same round: a / b is how many times faster b is. Median of the ratios (10th–90th percentile):

| leases held |      slow / fast |
| ----------: | ---------------: |
|           0 | 10.0 (10.0–10.0) |
|       1,000 |                – |

## Space

Bytes on disk for each lease; with no leases, of the whole store:

| leases held |  fast |
| ----------: | ----: |
|           0 | 8,192 |
|       1,000 | 4,100 |

## Machine

Abacus, 2 cores; linux 7; stores on ext4 on /dev/vda; go2; 2025-12-31.

- slow: v1
- fast: v2
`

func TestWrite(t *testing.T) {
	var out strings.Builder
	require.NoError(t, results().Write(&out, []report.Comparison{{Of: "slow", To: "fast"}, {Of: "fast", To: "absent"}}))
	require.Equal(t, want, out.String())
}

func TestWriteJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results", "all.json")
	require.NoError(t, results().WriteJSON(path))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var read report.Results
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, results(), &read)
}
