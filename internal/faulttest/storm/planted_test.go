package storm

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// mistakes returns the names of patches. A storm's oracle cannot find the last one.
func mistakes() (names []string, stormMisses string) {
	stormMisses = "always-lowest"
	if !faulttest.Exhaustive() {
		return []string{"no-lock"}, stormMisses
	}
	return []string{
		"no-lock", "del-releases-nothing", "gc-releases-listed", "check-inverted", "no-wrap-around", "second-address", stormMisses,
	}, stormMisses
}

func TestMistakesAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short: builds the programs again for each mistake")
	}
	names, stormMisses := mistakes()
	for _, name := range names {
		programs, err := faulttest.Build(t.TempDir(), faulttest.Planted(name))
		require.NoError(t, err)
		for _, backend := range []string{config.Files, config.Bolt} {
			if name != stormMisses {
				requireStormFinds(t, programs, backend, name)
			}
			requireHistoryShows(t, programs, backend, name)
		}
	}
}

// tries is the number of attempts to make a fault show, because a run may miss it by
// chance.
const tries = 100

func requireStormFinds(t *testing.T, programs faulttest.Programs, backend, fault string) {
	t.Helper()
	for range tries {
		n := faulttest.Network{Dir: faulttest.Dir(t), Backend: backend, Size: 10}
		report, err := Run(t.Context(), n, programs, Options{Processes: 16, Operations: 200})
		if err != nil {
			t.Logf("%s, %s, by a storm of %v: %v", fault, backend, report.Took, err)
			return
		}
	}
	require.Fail(t, "no storm found the fault", "%s, %s", fault, backend)
}

func requireHistoryShows(t *testing.T, programs faulttest.Programs, backend, fault string) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir()) // for the picture
	for round := range tries {
		n := faulttest.Network{Dir: faulttest.Dir(t), Backend: backend, Size: 3}
		h, err := Record(t.Context(), n, programs, Workers{Processes: 8, Operations: 8, Seed: uint64(round)})
		if err == nil {
			err = h.Check(timeLimit / 10)
		}
		if err != nil && !errors.Is(err, ErrUnknown) {
			t.Logf("%s, %s, by history %d: %v", fault, backend, round+1, err)
			return
		}
	}
	require.Fail(t, "no history shows the fault", "%s, %s", fault, backend)
}
