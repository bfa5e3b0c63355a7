package storm

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// noLock removes the locks and what else would prevent a double lease: bbolt's own lock,
// and RENAME_NOREPLACE for lease files.
func noLock() []faulttest.Fault {
	return []faulttest.Fault{
		{File: "internal/flock/flock_unix.go", Old: "	err := flock(f, how|unix.LOCK_NB)", New: "	return nil\n	err := flock(f, how|unix.LOCK_NB)"},
		{File: "backend/bolt/session.go", Old: "	db.AllocSize = growth", New: "	db.AllocSize = growth\n	flock.Unlock(t.file)"},
		{File: "backend/files/change.go", Old: `to, d.renameNoReplace(from, to))`, New: `to, d.root.Rename(from, to))`},
	}
}

// A mistake is a set of faults planted together.
type mistake struct {
	faults        []faulttest.Fault
	stormMissesIt bool // a storm's oracle cannot find it
}

func mistakes() map[string]mistake {
	if !faulttest.Exhaustive() {
		return map[string]mistake{"no lock": {faults: noLock()}}
	}
	one := func(file, before, after string) mistake {
		return mistake{faults: []faulttest.Fault{{File: file, Old: before, New: after}}}
	}
	lowest := one("allocator/grant.go", "nextFree(g.tx, s, cursor)\n	if !errors", "nextFree(g.tx, s, netip.Addr{})\n	if !errors")
	lowest.stormMissesIt = true
	return map[string]mistake{
		"no lock":                 {faults: noLock()},
		"DEL releases nothing":    one("allocator/release.go", "released = releasable(owner, held)", "released = releasable(owner, held)[:0]"),
		"GC takes what is listed": one("allocator/sweep.go", "isTorn(l) || !slices", "isTorn(l) || slices"),
		"CHECK wants another":     one("allocator/status.go", "case !owner.Covers(l.Owner):", "case owner.Covers(l.Owner):"),
		"no way around":           one("allocator/pool.go", "return append(spans, s.ranges[at].upTo(cursor)...)", "return spans"),
		"a second address":        one("allocator/grant.go", "leasesIn(s, g.held); len(held) > 0", "leasesIn(s, g.held); len(held) > 1"),
		"always the lowest":       lowest,
	}
}

func TestMistakesAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short: builds the programs again for each mistake")
	}
	for name, m := range mistakes() {
		programs, err := faulttest.Build(t.TempDir(), m.faults...)
		require.NoError(t, err)
		for _, backend := range []string{config.Files, config.Bolt} {
			if !m.stormMissesIt {
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
