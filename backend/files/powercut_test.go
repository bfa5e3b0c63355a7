package files

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// A disk models what a power cut leaves of a directory, strictly: each change of a name since
// the last sync of the directory may be there or lost, and of a file that was not synced only
// the name may be there.
type disk struct {
	testDir
	vault   string            // has every file that ever existed, under a number
	files   int               // in the vault
	durable map[string]string // name → file in the vault, as of the last sync
	pending []rename          // since the last sync
	current map[string]string // durable, and all that is pending
	synced  map[string]bool   // files whose content is durable
}

// A rename changes a name. Creating a file has no old name, and removing one has no new name.
type rename struct {
	from, to string
	file     string
}

// newDisk starts the model for the directory of b, which is synced.
func newDisk(b testDir) *disk {
	d := &disk{testDir: b, vault: filepath.Join(filepath.Dir(b.path), "vault"), current: map[string]string{}, synced: map[string]bool{}}
	require.NoError(b, os.MkdirAll(d.vault, 0o755))
	for _, name := range b.names() {
		if name == lockName {
			continue // The transaction holds it.
		}
		d.preserve(name)
		d.synced[d.current[name]] = true
	}
	d.durable = maps.Clone(d.current)
	return d
}

// preserve links a file into the vault, so that it keeps its inode.
func (d *disk) preserve(name string) {
	if d.current[name] != "" {
		return
	}
	d.files++
	file := strconv.Itoa(d.files)
	require.NoError(d, os.Link(d.file(name), filepath.Join(d.vault, file)))
	d.current[name] = file
}

// step records a step before it is made.
func (d *disk) step(op string, names ...string) error {
	name := names[len(names)-1]
	switch {
	case op == "write" && (!strings.HasPrefix(name, cursorPrefix) || strings.HasPrefix(name, keptPrefix)):
		d.preserve(name)
		d.pending = append(d.pending, rename{to: name, file: d.current[name]})
	case op == "sync" && name != "":
		d.synced[d.current[name]] = true
	case op == "sync":
		d.durable, d.pending = maps.Clone(d.current), nil
	case op == "rename":
		d.change(rename{from: names[0], to: name, file: d.current[names[0]]})
	case op == "remove":
		d.change(rename{from: name})
	}
	return nil
}

func (d *disk) change(r rename) {
	if r.from != "" && d.current[r.from] == "" {
		return // It will fail.
	}
	d.pending = append(d.pending, r)
	r.apply(d.current)
}

func (r rename) apply(names map[string]string) {
	if r.from != "" {
		delete(names, r.from)
	}
	if r.to != "" {
		names[r.to] = r.file
	}
}

// cut calls try with a directory for every way in which a power cut can leave it.
func (d *disk) cut(try func(b testDir)) {
	require.Less(d, len(d.pending), 10, "too many combinations")
	for kept := range 1 << len(d.pending) {
		names := maps.Clone(d.durable)
		for i, r := range d.pending {
			if kept&(1<<i) != 0 {
				r.apply(names)
			}
		}
		try(d.materialize(names))
	}
}

// materialize makes a directory with these names.
func (d *disk) materialize(names map[string]string) testDir {
	b := testDir{d.T, filepath.Join(filepath.Dir(d.path), "left")}
	require.NoError(d, os.RemoveAll(b.path))
	require.NoError(d, os.Mkdir(b.path, 0o755))
	for name, file := range names {
		if d.synced[file] {
			require.NoError(d, os.Link(filepath.Join(d.vault, file), b.file(name)))
		} else {
			require.NoError(d, os.WriteFile(b.file(name), nil, 0o600))
		}
	}
	return b
}

// run runs fn, and calls try with everything that a power cut during it can leave.
func (d *disk) run(fn func(backend.Tx) error, try func(step int, b testDir)) {
	s, n := d.open(), 0
	s.step = func(op string, names ...string) error {
		n++
		d.cut(func(b testDir) { try(n, b) })
		return d.step(op, names...)
	}
	require.NoError(d, s.Update(d.Context(), fn))
}

func TestPowerCut(t *testing.T) {
	for _, tx := range transactions() {
		t.Run(tx.name, func(t *testing.T) {
			b := newTestDir(t)
			seed(b)
			d := newDisk(b)
			d.run(tx.fn, func(step int, b testDir) {
				requireEither(b, tx, step)
				b.update(nothing)
				requireEither(b, tx, step)
				b.requireWorks()
			})
			d.cut(func(b testDir) {
				require.Equal(b, tx.after, b.snapshot(), "Update has returned")
				b.update(nothing)
				require.Equal(b, tx.after, b.snapshot(), "Update has returned")
			})
		})
	}
}

// TestPowerCutOfNextTransaction cuts power during a transaction that deletes what the one
// before created: the journal of that one must not come back.
func TestPowerCutOfNextTransaction(t *testing.T) {
	for _, tx := range transactions() {
		t.Run(tx.name, func(t *testing.T) {
			b := newTestDir(t)
			seed(b)
			d := newDisk(b)
			d.run(tx.fn, func(int, testDir) {})
			for _, addr := range slices.Sorted(maps.Keys(tx.after)) {
				if addr == "boot" {
					continue
				}
				before, after := b.snapshot(), b.snapshot()
				delete(after, addr)
				d.run(remove(addr), func(step int, b testDir) {
					if got := b.snapshot(); len(got) == len(before) {
						require.Equal(b, before, got, "step %d", step)
					} else {
						require.Equal(b, after, got, "step %d", step)
					}
				})
			}
		})
	}
}

// TestPowerCutWithoutJournal has the transactions that need no journal.
func TestPowerCutWithoutJournal(t *testing.T) {
	before := snapshot{"10.0.0.1": "one (eth0)", "10.0.0.2": "two (eth0)", "fd00::1": "one (eth0)", "boot": "first"}
	with := func(addr, owner string) snapshot {
		h := maps.Clone(before)
		if h[addr] = owner; owner == "" {
			delete(h, addr)
		}
		return h
	}
	for _, tx := range []transaction{
		{"Put", put(lease("10.0.0.3", "new")), before, with("10.0.0.3", "new (eth0)"), false},
		{"Delete", remove("10.0.0.2"), before, with("10.0.0.2", ""), false},
		{"SetLastSearch", func(tx backend.Tx) error { return tx.SetLastSearch("second") }, before, with("boot", "second"), false},
		{"Delete and Put", func(tx backend.Tx) error {
			return errors.Join(remove("10.0.0.2")(tx), put(lease("10.0.0.2", "new"))(tx))
		}, before, with("10.0.0.2", "new (eth0)"), false},
	} {
		t.Run(tx.name, func(t *testing.T) {
			b := newTestDir(t)
			seed(b)
			b.stock(newPrefix+"10.0.0.3", "left behind by an Update that was killed")
			d := newDisk(b)
			d.run(tx.fn, func(step int, b testDir) {
				if got := b.snapshot(); len(got) != len(before) || !maps.Equal(got, before) {
					require.Equal(b, tx.after, got, "step %d", step)
				}
			})
			d.cut(func(b testDir) { require.Equal(b, tx.after, b.snapshot(), "Update has returned") })
		})
	}
}

// TestPowerCutDuringRecovery cuts power while a killed transaction is undone or finished.
func TestPowerCutDuringRecovery(t *testing.T) {
	for _, tx := range transactions() {
		t.Run(tx.name, func(t *testing.T) {
			for n := 1; ; n++ {
				b := newTestDir(t)
				seed(b)
				if !b.updateKilled(n, tx.fn) {
					return
				}
				d := newDisk(b)
				undone := func(step int, b testDir) {
					requireEither(b, tx, n, step)
					b.update(nothing)
					requireEither(b, tx, n, step)
				}
				d.run(nothing, undone)
				d.cut(func(b testDir) { undone(0, b) })
			}
		})
	}
}
