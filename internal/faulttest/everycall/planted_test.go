package everycall

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// TestPlanted plants mistakes in the programs. The tests above must find them.
func TestPlanted(t *testing.T) {
	if !ptracer.Supported || !faulttest.Exhaustive() {
		t.Skip("needs LEASEHOLD_EXHAUSTIVE, Linux and amd64: builds the programs for each fault")
	}
	for _, planted := range []struct {
		name     string // of the patch
		backend  string
		scenario string
		by       string // kill, the name of a fault, or the interruption before a read fault
	}{
		{"change-before-journal", config.Files, "ADD", "kill"},
		{"journal-not-replayed", config.Files, "ADD", "kill"},
		{"file-not-taken-back", config.Files, "ADD", "EIO"},
		{"commit-not-revoked", config.Bolt, "ADD", "EIO"},
		{"lease-not-given-back", config.Bolt, "ADD", "ENOSPC"},
		{"old-store-leaves-first", config.Files, migrate, "kill"},
		{"replaced-not-marked", config.Bolt, migrate, "kill"},
		{"mark-without-successor", config.Files, migrate, "kill"},
		{"unread-meta-page", config.Bolt, "ADD", "no seal"},
		{"history-recorded-after", config.Bolt, "DEL", "kill"},
		{"undone-lease-in-history", config.Bolt, "ADD", "ENOSPC"},
	} {
		t.Run(planted.name, func(t *testing.T) {
			t.Parallel()
			p, err := faulttest.Build(t.TempDir(), faulttest.Planted(planted.name))
			require.NoError(t, err)
			// The programs with the fault must cope with what they left behind.
			n := faulttest.Network{
				Dir: faulttest.Dir(t), Backend: planted.backend, Program: p.HostLocal,
				Dual: planted.name != "file-not-taken-back",
			}
			s := scenarioNamed(t, planted.backend, planted.scenario)
			switch i := interruptionNamed(planted.backend, planted.by); {
			case planted.by == "kill":
				_, err = s.killEachCall(n, p, changesFiles)
			case i != nil:
				_, err = i.before(s, p).failEachCall(n, p, readFault(), false)
			default:
				_, err = s.failEachCall(n, p, faultNamed(t, planted.by), false)
			}
			require.Error(t, err, "no test found the fault")
			t.Log(err)
		})
	}
}

func scenarioNamed(t *testing.T, backend, name string) scenario {
	all := scenarios(backend)
	i := slices.IndexFunc(all, func(s scenario) bool { return s.name == name })
	require.NotEqual(t, -1, i)
	return all[i]
}

func faultNamed(t *testing.T, name string) fault {
	all := faults()
	i := slices.IndexFunc(all, func(f fault) bool { return f.name == name })
	require.NotEqual(t, -1, i)
	return all[i]
}

// interruptionNamed returns nil if no interruption has that name.
func interruptionNamed(backend, name string) *interruption {
	for _, i := range interruptions(backend) {
		if i.name == name {
			return &i
		}
	}
	return nil
}
