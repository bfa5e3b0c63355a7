package storm

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// A mistake is a patch.
type mistake struct {
	name      string
	keys      map[string]any // of a network of bolt, if no other has it
	outOfTurn bool           // a storm's oracle cannot find it, because each answer is a free address
}

func mistakes() []mistake {
	if !faulttest.Exhaustive() {
		return []mistake{{name: "no-lock"}}
	}
	prefer := map[string]any{"prefer": "pod"}
	cooling := map[string]any{"prefer": "pod", "reuseAfter": "1h"}
	strict := map[string]any{"prefer": "pod", "reuseAfter": "1h", "reuseAfterStrict": true}
	return []mistake{
		{name: "no-lock"}, {name: "del-releases-nothing"}, {name: "gc-releases-listed"}, {name: "check-inverted"},
		{name: "no-wrap-around"}, {name: "second-address"}, {name: "always-lowest", outOfTurn: true},
		{name: "prefer-takes-held", keys: prefer},
		{name: "prefer-takes-cooling", keys: cooling, outOfTurn: true},
		{name: "prefer-forgets", keys: prefer, outOfTurn: true},
		{name: "prefer-moves-cursor", keys: prefer, outOfTurn: true},
		{name: "prefer-takes-withheld", keys: strict, outOfTurn: true},
		{name: "strict-takes-warm", keys: strict, outOfTurn: true},
	}
}

// networks returns a network of each kind that has the mistake.
func (m mistake) networks(size int) []faulttest.Network {
	bolt := faulttest.Network{Backend: config.Bolt, Size: size, Keys: m.keys}
	if m.keys != nil {
		return []faulttest.Network{bolt}
	}
	return []faulttest.Network{{Backend: config.Files, Size: size}, bolt}
}

func TestMistakesAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short: builds the programs again for each mistake")
	}
	for _, m := range mistakes() {
		programs, err := faulttest.Build(t.TempDir(), faulttest.Planted(m.name))
		require.NoError(t, err)
		if !m.outOfTurn {
			for _, n := range m.networks(10) {
				requireStormFinds(t, programs, n, m)
			}
		}
		for _, n := range m.networks(3) {
			requireHistoryShows(t, programs, n, m)
		}
	}
}

// tries is the number of attempts to make a fault show, because a run may miss it by
// chance.
const tries = 100

func requireStormFinds(t *testing.T, programs faulttest.Programs, n faulttest.Network, m mistake) {
	t.Helper()
	for range tries {
		n.Dir = faulttest.Dir(t)
		report, err := Run(t.Context(), n, programs, Options{Processes: 16, Operations: 200})
		if err != nil {
			t.Logf("%s, %s, by a storm of %v: %v", m.name, n.Backend, report.Took, err)
			return
		}
	}
	require.Fail(t, "no storm found the fault", "%s, %s", m.name, n.Backend)
}

func requireHistoryShows(t *testing.T, programs faulttest.Programs, n faulttest.Network, m mistake) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir()) // for the picture
	for round := range tries {
		n.Dir = faulttest.Dir(t)
		w := Workers{Processes: 8, Operations: 8, Seed: uint64(round)}
		if m.keys != nil {
			w.Processes, w.Operations = 2, 50 // Pods have to come and go several times.
		}
		h, err := Record(t.Context(), n, programs, w)
		if err == nil {
			err = h.Check(timeLimit / 10)
		}
		if err != nil && !errors.Is(err, ErrUnknown) {
			t.Logf("%s, %s, by history %d: %v", m.name, n.Backend, round+1, err)
			return
		}
	}
	require.Fail(t, "no history shows the fault", "%s, %s", m.name, n.Backend)
}
