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

// A disk is a model of what a power cut leaves of a directory, strict on purpose:
// of the changes of names since the last sync of the directory any may be there
// and any may be lost, and of a file that was not synced the name may be all
// there is.
type disk struct {
	bed
	vault   string            // every file there ever was, under a number
	files   int               // so far
	durable map[string]string // name → file in the vault, as of the last sync
	pending []rename          // since then
	current map[string]string // durable and all that is pending
	synced  map[string]bool   // files whose content is durable
}

// A rename changes a name. To create a file is one from nothing, and to remove
// one is one to nothing.
type rename struct {
	from, to string
	file     string
}

// newDisk begins to follow what happens to the directory of b, which is synced.
func newDisk(b bed) *disk {
	d := &disk{bed: b, vault: filepath.Join(filepath.Dir(b.path), "vault"), current: map[string]string{}, synced: map[string]bool{}}
	require.NoError(b, os.MkdirAll(d.vault, 0o755))
	for _, name := range b.names() {
		if name == lockName {
			continue // The transaction that is followed holds it.
		}
		d.keep(name)
		d.synced[d.current[name]] = true
	}
	d.durable = maps.Clone(d.current)
	return d
}

// keep links a file into the vault, where it stays what it is: a file is known
// again by its inode.
func (d *disk) keep(name string) {
	if d.current[name] != "" {
		return
	}
	d.files++
	file := strconv.Itoa(d.files)
	require.NoError(d, os.Link(d.file(name), filepath.Join(d.vault, file)))
	d.current[name] = file
}

// step is told of a step before it is done.
func (d *disk) step(op string, names ...string) error {
	name := names[len(names)-1]
	switch {
	case op == "write" && (!strings.HasPrefix(name, cursorPrefix) || strings.HasPrefix(name, keptPrefix)):
		d.keep(name)
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

// cut calls try with a bed for every way in which a power cut can leave the
// directory.
func (d *disk) cut(try func(b bed)) {
	require.Less(d, len(d.pending), 10, "the model knows too many ways")
	for kept := range 1 << len(d.pending) {
		names := maps.Clone(d.durable)
		for i, r := range d.pending {
			if kept&(1<<i) != 0 {
				r.apply(names)
			}
		}
		try(d.left(names))
	}
}

// left makes a directory of these names.
func (d *disk) left(names map[string]string) bed {
	b := bed{d.T, filepath.Join(filepath.Dir(d.path), "left")}
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

// follow performs fn, and calls try with all that a power cut during it can leave.
func (d *disk) follow(fn func(backend.Tx) error, try func(step int, b bed)) {
	s, n := d.open(), 0
	s.step = func(op string, names ...string) error {
		n++
		d.cut(func(b bed) { try(n, b) })
		return d.step(op, names...)
	}
	require.NoError(d, s.Update(d.Context(), fn))
}

func TestPowerCut(t *testing.T) {
	for _, tx := range transactions() {
		t.Run(tx.name, func(t *testing.T) {
			b := newBed(t)
			prepared(b)
			d := newDisk(b)
			d.follow(tx.fn, func(step int, b bed) {
				requireEither(b, tx, step)
				b.update(nothing)
				requireEither(b, tx, step)
				b.requireWorks()
			})
			d.cut(func(b bed) {
				require.Equal(b, tx.after, b.holding(), "Update has returned")
				b.update(nothing)
				require.Equal(b, tx.after, b.holding(), "Update has returned")
			})
		})
	}
}

// TestPowerCutOfTheNext cuts power during a transaction that deletes what the one before has
// created: a journal of that one must not come back.
func TestPowerCutOfTheNext(t *testing.T) {
	for _, tx := range transactions() {
		t.Run(tx.name, func(t *testing.T) {
			b := newBed(t)
			prepared(b)
			d := newDisk(b)
			d.follow(tx.fn, func(int, bed) {})
			for _, addr := range slices.Sorted(maps.Keys(tx.after)) {
				if addr == "boot" {
					continue
				}
				before, after := b.holding(), b.holding()
				delete(after, addr)
				d.follow(remove(addr), func(step int, b bed) {
					if got := b.holding(); len(got) == len(before) {
						require.Equal(b, before, got, "step %d", step)
					} else {
						require.Equal(b, after, got, "step %d", step)
					}
				})
			}
		})
	}
}

// TestPowerCutOfOne has the transactions that need no journal.
func TestPowerCutOfOne(t *testing.T) {
	before := holding{"10.0.0.1": "one (eth0)", "10.0.0.2": "two (eth0)", "fd00::1": "one (eth0)", "boot": "first"}
	with := func(addr, owner string) holding {
		h := maps.Clone(before)
		if h[addr] = owner; owner == "" {
			delete(h, addr)
		}
		return h
	}
	for _, tx := range []transaction{
		{"Put", put(lease("10.0.0.3", "new")), before, with("10.0.0.3", "new (eth0)"), false},
		{"Delete", remove("10.0.0.2"), before, with("10.0.0.2", ""), false},
		{"SetBoot", func(tx backend.Tx) error { return tx.SetBoot("second") }, before, with("boot", "second"), false},
		{"Delete and Put", func(tx backend.Tx) error {
			return errors.Join(remove("10.0.0.2")(tx), put(lease("10.0.0.2", "new"))(tx))
		}, before, with("10.0.0.2", "new (eth0)"), false},
	} {
		t.Run(tx.name, func(t *testing.T) {
			b := newBed(t)
			prepared(b)
			b.stock(newPrefix+"10.0.0.3", "left behind by an Update that was killed")
			d := newDisk(b)
			d.follow(tx.fn, func(step int, b bed) {
				if got := b.holding(); len(got) != len(before) || !maps.Equal(got, before) {
					require.Equal(b, tx.after, got, "step %d", step)
				}
			})
			d.cut(func(b bed) { require.Equal(b, tx.after, b.holding(), "Update has returned") })
		})
	}
}

// TestPowerCutDuringRecovery cuts power while a killed transaction is undone.
func TestPowerCutDuringRecovery(t *testing.T) {
	for _, tx := range transactions() {
		t.Run(tx.name, func(t *testing.T) {
			for n := 1; ; n++ {
				b := newBed(t)
				prepared(b)
				if !b.updateKilled(n, tx.fn) {
					return
				}
				d := newDisk(b)
				undone := func(step int, b bed) {
					requireEither(b, tx, n, step)
					b.update(nothing)
					requireEither(b, tx, n, step)
				}
				d.follow(nothing, undone)
				d.cut(func(b bed) { undone(0, b) })
			}
		})
	}
}
