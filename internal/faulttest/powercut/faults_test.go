//go:build linux

package powercut

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

type fault = faulttest.Fault

// planted lists mistakes that lose data only in a power cut.
func planted() map[string][]fault {
	return map[string][]fault{
		"what a lease file holds is not synced": {
			{File: "backend/files/change.go", Old: `d.fail("sync", temp, f.Sync())`, New: `nil`},
		},
		"a lease file is synced when it has its name": {
			{File: "backend/files/change.go", Old: `d.fail("sync", temp, f.Sync())`, New: `nil`},
			{
				File: "backend/files/commit.go",
				Old:  "if err := d.sync(); err != nil {\n\t\td.discard(made.temp)",
				New:  "if f, err := d.root.Open(c.name); err == nil {\n\t\tf.Sync()\n\t\tf.Close()\n\t}\n\tif err := d.sync(); err != nil {\n\t\td.discard(made.temp)",
			},
		},
		"the names of lease files are not synced": {
			{File: "backend/files/change.go", Old: `if err := durable.SyncOpenDir(d.self); err != nil {`, New: `if err := error(nil); err != nil {`},
		},
		"leases get their names before the journal is durable": {
			{
				File: "backend/files/commit.go",
				Old:  "j.file = journalName\n\treturn d.sync()",
				New:  "j.file = journalName\n\treturn nil",
			},
		},
		"the journal is not undone": {
			{File: "backend/files/undo.go", Old: `err = d.end(j)`, New: `err = d.dropJournal(j)`},
		},
		"a store of lease files is made without a sync": {
			{File: "backend/files/load_linux.go", Old: `cmp.Or(unix.Fsync(fd), unix.Close(fd))`, New: `unix.Close(fd)`},
		},
		"no directory is synced": {
			{File: "internal/durable/durable.go", Old: `if err := d.Sync(); err != nil {`, New: `if err := error(nil); err != nil {`},
		},
		"the name of a new bolt file is not synced": {
			{File: "backend/bolt/create.go", Old: `err = durable.SyncPath(filepath.Dir(s.path))`, New: "_, _ = durable.SyncDir, filepath.Dir"},
		},
		"bbolt does not sync": {
			{File: "backend/bolt/session.go", Old: `db.AllocSize = growth`, New: `db.AllocSize, db.NoSync = growth, true`},
		},
		"a bolt file is made without a sync": {
			{File: "backend/bolt/bulk.go", Old: `b.session.file.Sync()`, New: `error(nil)`},
			// Otherwise the sync before the rename would hide the fault.
			{File: "backend/bolt/session.go", Old: `if err := t.file.Sync(); err != nil {`, New: `if err := error(nil); err != nil {`},
		},
		"what a killed process has left in a bolt file is not synced": {
			{File: "backend/bolt/session.go", Old: `if err != nil || clean {`, New: `if clean = true; err != nil || clean {`},
		},
		"what a killed process has left in a directory is not synced": {
			{File: "backend/files/change.go", Old: `if err != nil || settled {`, New: `if settled = true; err != nil || settled {`},
		},
		"a store that was replaced says so, and not durably": {
			{
				File: "internal/exchange/mark.go",
				Old:  "if err := f.Sync(); err != nil {\n\t\treturn errors.Join(err, Unmark(f))",
				New:  "if err := error(nil); err != nil {\n\t\treturn errors.Join(err, Unmark(f))",
			},
		},
		"the exchange of two stores is not synced": {
			{File: "internal/exchange/place.go", Old: `return errors.Join(durable.SyncDir(p.Dir()), durable.SyncDir(filepath.Dir(p.path)))`, New: `return nil`},
		},
	}
}

func TestPlantedFaultsAreFound(t *testing.T) {
	if !ptracer.Supported || !faulttest.Exhaustive() {
		t.Skip("needs LEASEHOLD_EXHAUSTIVE, Linux and amd64: builds the programs for each fault")
	}
	for name, faults := range planted() {
		t.Run(name, func(t *testing.T) {
			p, err := faulttest.Build(t.TempDir(), faults...)
			require.NoError(t, err)
			_, err = Run(t.Context(), p, append(Workloads(config.Files, false), Workloads(config.Bolt, false)...), Options{Keep: t.TempDir()})
			var bad *BadImage
			require.ErrorAs(t, err, &bad)
			t.Log(err)
		})
	}
}
