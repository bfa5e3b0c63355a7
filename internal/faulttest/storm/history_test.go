package storm

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// patience is far longer than it takes to explain one of the histories below.
const patience = 20 * time.Second

// crews are of sizes of which it is found out soon what they did. What takes time are
// processes: nobody knows when each had its turn. With six of them that is a matter of
// milliseconds; of sixteen it is often not found out at all.
func crews() map[string]Crew {
	return map[string]Crew{
		"one process":    {Processes: 1, Operations: 20},
		"one goroutine":  {Goroutines: 1, Operations: 100},
		"few":            {Processes: 4, Operations: 10, Kills: 0.3},
		"processes":      {Processes: 6, Operations: 8, Kills: 0.3},
		"goroutines":     {Goroutines: 64, Operations: 6},
		"half and half":  {Processes: 6, Goroutines: 6, Operations: 8, Kills: 0.3},
		"one process in": {Processes: 1, Goroutines: 63, Operations: 6},
	}
}

// rounds is how many histories there are of each crew on each network.
func rounds() int {
	switch {
	case faulttest.Exhaustive():
		return 150
	case testing.Short():
		return 1
	}
	return 2
}

// A tally sums up histories.
type tally struct{ histories, operations, killed, unknown int }

func (ta *tally) add(h History) {
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
		"files": config.Files, "bolt": config.Bolt, "to and fro": "",
	} {
		t.Run(name, func(t *testing.T) {
			var ta tally
			for crewName, c := range crews() {
				for round := range rounds() {
					n := networkOf(t, backend, round)
					c.Migrates, c.Seed = backend == "", uint64(round)
					h, err := Record(t.Context(), n, programs, c)
					require.NoError(t, err, crewName)
					ta.add(h)
					if err := h.Check(patience); errors.Is(err, ErrUnknown) {
						ta.unknown++
					} else {
						require.NoError(t, err, crewName)
					}
					_, err = n.Verify(t.Context())
					require.NoError(t, err, crewName)
				}
			}
			t.Logf("%+v", ta)
			require.Zero(t, ta.unknown, "histories of which nothing is known")
		})
	}
}

// networkOf returns a network that is another one in each round.
func networkOf(t *testing.T, backend string, round int) faulttest.Network {
	n := faulttest.Network{Dir: faulttest.Dir(t), Backend: backend, Dual: round%2 == 0, Size: []int{3, 6, 12}[round%3]}
	if round%4 < 2 {
		n.Keys = map[string]any{"onDuplicate": "return"}
	}
	return n
}
