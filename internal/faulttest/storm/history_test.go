package storm

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// timeLimit is much more than the check of one of the histories below needs.
const timeLimit = 20 * time.Second

// workerSets returns sets of workers whose histories can be checked quickly. Processes make
// a history hard to check, because the time at which the store served them is unknown. Six
// of them take milliseconds; with sixteen the check often times out.
func workerSets() map[string]Workers {
	return map[string]Workers{
		"one process":    {Processes: 1, Operations: 20},
		"one goroutine":  {Goroutines: 1, Operations: 100},
		"few":            {Processes: 4, Operations: 10, Kills: 0.3},
		"processes":      {Processes: 6, Operations: 8, Kills: 0.3},
		"goroutines":     {Goroutines: 64, Operations: 6},
		"half and half":  {Processes: 6, Goroutines: 6, Operations: 8, Kills: 0.3},
		"one process in": {Processes: 1, Goroutines: 63, Operations: 6},
	}
}

// rounds returns the number of histories of each set on each network.
func rounds() int {
	switch {
	case faulttest.Exhaustive():
		return 150
	case testing.Short():
		return 1
	}
	return 2
}

// totals sum up histories.
type totals struct{ histories, operations, killed, unknown int }

func (ta *totals) add(h History) {
	ta.histories++
	ta.operations += h.Len()
	for _, o := range h.operations {
		if o.Output.(outcome).killed {
			ta.killed++
		}
	}
}

func TestHistoriesAreLinearizable(t *testing.T) {
	programs := faulttest.Shared(t)
	for name, backend := range map[string]string{
		"files": config.Files, "bolt": config.Bolt, "migrated": "",
	} {
		t.Run(name, func(t *testing.T) {
			var ta totals
			for setName, c := range workerSets() {
				for round := range rounds() {
					n := networkOf(t, backend, round)
					c.Migrates, c.Seed = backend == "", uint64(round)
					h, err := Record(t.Context(), n, programs, c)
					require.NoError(t, err, setName)
					ta.add(h)
					if err := h.Check(timeLimit); errors.Is(err, ErrUnknown) {
						ta.unknown++
					} else {
						require.NoError(t, err, setName)
					}
					_, err = n.Verify(t.Context())
					require.NoError(t, err, setName)
				}
			}
			t.Logf("%+v", ta)
			require.Zero(t, ta.unknown, "histories that could not be checked in time")
		})
	}
}

// networkOf returns a network that differs from round to round.
func networkOf(t *testing.T, backend string, round int) faulttest.Network {
	n := faulttest.Network{Dir: faulttest.Dir(t), Backend: backend, Dual: round%2 == 0, Size: []int{3, 6, 12}[round%3]}
	n.Keys = make(map[string]any)
	if round%4 < 2 {
		n.Keys["onDuplicate"] = "return"
	}
	if round%3 > 0 && backend == config.Bolt {
		n.Keys["reuseAfter"] = "1h" // No address cools before the end.
	}
	if round%6 == 2 && backend == config.Bolt {
		n.Keys["reuseAfterStrict"] = true
	}
	if round%5%2 == 1 && backend == config.Bolt {
		n.Keys["prefer"] = "pod"
	}
	return n
}
