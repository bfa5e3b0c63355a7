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
	if !ptracer.Supported {
		t.Skip("the tracer needs Linux on amd64")
	}
	if testing.Short() {
		t.Skip("skipped with -short: takes some seconds, and the race detector does not see the processes")
	}
	for _, planted := range []struct {
		name     string
		fault    faulttest.Fault
		backend  string
		scenario string
		by       string // kill, or the name of a fault
	}{
		{"the change is made before there is a journal", faulttest.Fault{
			File: "backend/files/commit.go",
			Old: `if err := d.writeJournal(j); err != nil {
		return err
	}
	for _`,
			New: "defer d.writeJournal(j)\n\tfor _",
		}, config.Files, "ADD", "kill"},
		{"the journal is not replayed", faulttest.Fault{
			File: "backend/files/undo.go",
			Old:  "err = d.end(j)",
			New:  "err = nil",
		}, config.Files, "ADD", "kill"},
		{"a file that is not durable is not taken back", faulttest.Fault{
			File: "backend/files/commit.go",
			Old:  "return errors.Join(err, d.remove(c.name))",
			New:  "return err",
		}, config.Files, "ADD", "EIO"},
		{"a failed commit is not revoked", faulttest.Fault{
			File: "backend/bolt/commit.go",
			Old:  "revokeErr := t.revoke(id)",
			New:  "revokeErr := error(nil); _ = id",
		}, config.Bolt, "ADD", "EIO"},
		{"what cannot be answered is not given back", faulttest.Fault{
			File: "internal/hostlocal/commands.go",
			Old:  "return errors.Join(err, undo(ctx, c, r.owner, got))",
			New:  "return errors.Join(err, undo(ctx, c, r.owner, nil))",
		}, config.Bolt, "ADD", "ENOSPC"},
		{"a store leaves before the next one comes", faulttest.Fault{
			File: "internal/exchange/swap.go",
			Old:  "err := w.exchange(s.Staged, p.path)",
			New: `if err := errors.Join(os.Rename(p.path, s.Aside), os.Rename(s.Staged, p.path)); true {
					return err
				}
				err := w.exchange(s.Staged, p.path)`,
		}, config.Files, migrate, "kill"},
		{"a store is replaced and not told so", faulttest.Fault{
			File: "internal/exchange/swap.go",
			Old:  "if err := mark(locked); errors.Is(err, errUnmarked) {",
			New:  "if err := error(nil); errors.Is(err, errUnmarked) {",
		}, config.Bolt, migrate, "kill"},
		{"a store is told that it was replaced before its successor is there", faulttest.Fault{
			File: "internal/exchange/state.go",
			Old:  "if err == nil && asBuilt(info, dir) {",
			New:  "if err == nil && asBuilt(info, dir) && dir != dir {",
		}, config.Files, migrate, "kill"},
	} {
		t.Run(planted.name, func(t *testing.T) {
			t.Parallel()
			p, err := faulttest.Build(t.TempDir(), planted.fault)
			require.NoError(t, err)
			// The programs with the fault must cope with what they left behind.
			n := faulttest.Network{
				Dir: faulttest.Dir(t), Backend: planted.backend, Program: p.HostLocal,
				Dual: planted.name != "a file that is not durable is not taken back",
			}
			s := scenarioNamed(t, planted.backend, planted.scenario)
			if planted.by == "kill" {
				_, err = s.killEachCall(n, p, changesFiles)
			} else {
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
