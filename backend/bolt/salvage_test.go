package bolt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/salvage"
)

func TestSalvageFindsWhatDamageHasLeft(t *testing.T) {
	eachDamage(t, damagers(), func(o *original, d damager, damaged []byte) {
		found, err := salvaged(t, o, damaged)
		if errors.Is(err, backend.ErrFormat) {
			require.ErrorIs(t, Open(o.path).Verify(ctx), backend.ErrFormat, "they agree on what is damaged")
			return
		}
		require.NoError(t, err)
		o.requireNothingInvented(t, found)
		o.requireRecovered(t, found, damaged)
	})
}

func TestSalvageOfForgery(t *testing.T) {
	eachDamage(t, forgers(), func(o *original, _ damager, damaged []byte) {
		found, err := salvaged(t, o, damaged)
		if !errors.Is(err, backend.ErrFormat) {
			require.NoError(t, err)
		}
		o.requireNothingInvented(t, found)
	})
}

func TestSalvageOfASoundStoreIsAllOfIt(t *testing.T) {
	rnd := newRand(t)
	for _, n := range []int{0, 1, 10, 300} {
		o := newOriginal(t, rnd, n, false)
		o.requireWhole(t, o.mustSalvage(t, o.image))
	}
}

// clearPages zeros pages in b, and returns how many.
func (o *original) clearPages(b []byte, of func(id int) bool) (n int) {
	for id := range o.kinds {
		if of(id) {
			clear(b[id*o.pageSize:][:o.pageSize])
			n++
		}
	}
	return n
}

// The indices can be rebuilt, so losing them loses nothing.
func TestSalvageNeedsNoIndexAndNoFreelist(t *testing.T) {
	o := newOriginal(t, newRand(t), 300, false)
	owners := slices.Clone(o.image)
	require.NotZero(t, o.clearPages(owners, func(id int) bool { return o.buckets[id] == "owners" }))
	o.requireWhole(t, o.mustSalvage(t, owners))
	freelist := slices.Clone(o.image)
	require.NotZero(t, o.clearPages(freelist, func(id int) bool { return o.kinds[id] == "freelist" }))
	o.requireWhole(t, o.mustSalvage(t, freelist))
}

// A branch is lost, and the indices decide which of the leases in the file are current.
func TestSalvageDropsOldLeasesByTheIndices(t *testing.T) {
	o := newOriginal(t, newRand(t), 300, true)
	damaged := slices.Clone(o.image)
	require.NotZero(t, o.clearPages(damaged, func(id int) bool { return o.buckets[id] == "leases" && o.kinds[id] == "branch" }))
	o.requireWhole(t, o.mustSalvage(t, damaged))
}

// With the root all indices are lost, and the freelist decides.
func TestSalvageDropsOldLeasesByTheFreelist(t *testing.T) {
	o := newOriginal(t, newRand(t), 300, true)
	damaged := slices.Clone(o.image)
	require.Equal(t, 1, o.clearPages(damaged, func(id int) bool { return o.buckets[id] == "root" }))
	found := o.mustSalvage(t, damaged)
	for a, l := range byAddr(found) {
		l.Boot = o.leases[a].Boot
		require.Equal(t, o.leases[a], l)
	}
	require.Len(t, found.Leases, len(o.leases))
	require.Equal(t, len(o.leases), found.Doubtful)
	require.Empty(t, found.Cursors)
	require.Contains(t, strings.Join(found.Lost, "\n"), "root")
	require.Contains(t, strings.Join(found.Lost, "\n"), "the boots of")
}

func TestSalvageWithoutMetaPagesSearches(t *testing.T) {
	o := newOriginal(t, newRand(t), 300, true)
	damaged := slices.Clone(o.image)
	clear(damaged[:2*o.pageSize])
	found := o.mustSalvage(t, damaged)
	require.GreaterOrEqual(t, len(found.Leases), len(o.leases))
	require.Equal(t, len(found.Leases), found.Doubtful)
	require.Contains(t, strings.Join(found.Lost, "\n"), "page 1, meta page")
	require.Contains(t, strings.Join(found.Lost, "\n"), "cursors")
}

// The transaction before the last one is known, and what the last one did is found.
func TestSalvageWithoutTheLastMetaPage(t *testing.T) {
	o := newOriginal(t, newRand(t), 300, true)
	for id := range 2 {
		damaged := slices.Clone(o.image)
		clear(damaged[id*o.pageSize:][:o.pageSize])
		require.NotEmpty(t, o.mustSalvage(t, damaged).Lost)
	}
}

func TestSalvageNamesTheLeasesThatAreLost(t *testing.T) {
	rnd := newRand(t)
	o := newOriginal(t, rnd, 300, true)
	damaged := slices.Clone(o.image)
	gone := make(map[netip.Addr]bool)
	id := o.live[slices.Collect(maps.Keys(o.live))[0]].from / o.pageSize
	// No old page has them either.
	o.clearPages(damaged, func(page int) bool { return page == id || o.kinds[page] == "free" })
	clear(damaged[o.pages*o.pageSize:])
	for a, at := range o.live {
		if !at.intact(o, damaged) {
			gone[a] = true
		}
	}
	require.NotEmpty(t, gone)
	found := o.mustSalvage(t, damaged)
	require.Len(t, found.Leases, len(o.leases)-len(gone))
	require.Zero(t, found.Doubtful)
	require.False(t, found.Unsure)
	missing := 0
	for _, r := range found.Missing {
		for a := r[0]; a.Compare(r[1]) <= 0; a = a.Next() {
			require.True(t, gone[a], "%s is not missing", a)
			missing++
		}
	}
	require.Equal(t, len(gone), missing)
	named := 0
	for _, text := range found.Lost {
		named += span(t, text, gone)
	}
	require.Equal(t, len(gone), named)
}

// span returns how many addresses a text has, all of which have to be in gone.
func span(t *testing.T, text string, gone map[netip.Addr]bool) (n int) {
	t.Helper()
	words := strings.Fields(text)
	last := addr(words[len(words)-1])
	first := last
	if strings.HasPrefix(text, "the leases of ") {
		first = addr(words[3])
	}
	for a := first; a.Compare(last) <= 0; a = a.Next() {
		require.True(t, gone[a], "%s is not lost", a)
		n++
	}
	return n
}

// The freelist is of an earlier transaction, because the disk has lost a write. It has pages in
// use, and there is nothing else to decide by.
func TestSalvageIgnoresAFreelistThatTheTreeContradicts(t *testing.T) {
	e := newEditor(t)
	e.clearPages(e.b, func(id int) bool { return e.buckets[id] == "owners" || e.buckets[id] == "runs" })
	n := 0
	for page := range e.kinds {
		if e.buckets[page] == "leases" && e.kinds[page] == "leaf" && n < 100 {
			set(e.free(n), page)
			n++
		}
	}
	set(count(e.page(e.kind("freelist"))), n)
	set(pageID(e.page(number(e.free(n/2)))), 0) // Nothing leads to this page any more.
	e.mustSalvage(t, e.b)
}

func TestSalvageIsUnsure(t *testing.T) {
	sound := newEditor(t)
	leases, indices := func(e editor) { clear(e.inner()) }, func(e editor) {
		e.clearPages(e.b, func(id int) bool { return e.buckets[id] == "owners" || e.buckets[id] == "runs" })
	}
	meta := func(id int) func(editor) { return func(e editor) { clear(e.page(id)) } }
	for _, c := range []struct {
		name   string
		edits  []func(editor)
		unsure bool
	}{
		{"nothing", nil, false},
		{"leases", []func(editor){leases}, false},
		{"leases and indices", []func(editor){leases, indices}, true},
		{"one meta page", []func(editor){meta(0)}, false},
		{"the other", []func(editor){meta(1)}, false},
		{"a meta page and leases", []func(editor){meta(0), leases}, true},
		{"a meta page and indices", []func(editor){meta(1), indices}, true},
		{"both meta pages", []func(editor){meta(0), meta(1)}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := editor{sound.original, slices.Clone(sound.image)}
			for _, edit := range c.edits {
				edit(e)
			}
			require.Equal(t, c.unsure, e.mustSalvage(t, e.b).Unsure)
		})
	}
}

// The entry of the leases refers to an index, which is read nevertheless. If it is the only
// index, it may have lost something.
func TestSalvageEnduresAWrongRoot(t *testing.T) {
	e := newEditor(t)
	copy(e.entry("leases"), e.entry("runs"))
	found := e.mustSalvage(t, e.b)
	require.False(t, found.Unsure)
	require.Equal(t, e.leases, byAddr(found))
	e.clearPages(e.b, func(id int) bool { return e.buckets[id] == "owners" })
	found = e.mustSalvage(t, e.b)
	require.True(t, found.Unsure)
	require.Equal(t, e.leases, byAddr(found))
}

// A record with a flipped bit is lost, unless there is an old copy that the index has.
func TestSalvageOfOneRecord(t *testing.T) {
	o := newOriginal(t, newRand(t), 10, true)
	for a, at := range o.live {
		damaged := slices.Clone(o.image)
		damaged[at.to-1] ^= 1
		found := o.mustSalvage(t, damaged)
		if l, ok := byAddr(found)[a]; ok {
			require.Equal(t, o.leases[a], l)
			require.Empty(t, found.Lost)
		} else {
			require.Equal(t, []string{"the lease of " + a.String()}, found.Lost)
		}
		require.Zero(t, found.Doubtful)
	}
}

// A policy that no store can record is lost, and does not keep the rest from being recorded.
func TestSalvageOfADamagedPolicy(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
		return errors.Join(put("10.0.0.2", "a")(tx), tx.(backend.HistoryTx).SetPolicy("keep=10 for=1h"))
	}))
	require.NoError(t, s.Close())
	image, err := os.ReadFile(s.Path())
	require.NoError(t, err)
	damaged := bytes.ReplaceAll(image, []byte("keep=10"), []byte("k\x01ep=10"))
	require.NotEqual(t, image, damaged)
	found, err := salvage.Read(bytes.NewReader(damaged), int64(len(damaged)))
	require.NoError(t, err)
	require.Empty(t, found.Policy)
	require.NotEmpty(t, newSalvage(found, nil).Lost)
	require.Len(t, found.Leases, 1)
}

// badSectors fail to be read.
type badSectors struct {
	io.ReaderAt
	bad stretch
}

func (r badSectors) ReadAt(b []byte, at int64) (int, error) {
	if int(at) < r.bad.to && int(at)+len(b) > r.bad.from {
		return 0, syscall.EIO
	}
	return r.ReaderAt.ReadAt(b, at)
}

func TestSalvagePassesBadSectors(t *testing.T) {
	rnd := newRand(t)
	o := newOriginal(t, rnd, 300, false)
	for range 20 {
		from := rnd.IntN(o.pages) * o.pageSize
		bad := stretch{from, from + o.pageSize}
		damaged := slices.Clone(o.image)
		clear(damaged[bad.from:bad.to])
		found, err := salvage.Read(badSectors{bytes.NewReader(o.image), bad}, int64(len(o.image)))
		require.NoError(t, err)
		o.requireNothingInvented(t, newSalvage(found, nil))
		o.requireRecovered(t, newSalvage(found, nil), damaged)
	}
	none, err := salvage.Read(badSectors{bytes.NewReader(o.image), stretch{0, len(o.image)}}, int64(len(o.image)))
	require.NoError(t, err)
	require.Empty(t, none.Leases)
	require.Contains(t, strings.Join(none.Lost, "\n"), "bytes 0 to 4095: input/output error")
}

// All of a salvage can be put into a new store.
func TestSalvageMakesASoundStore(t *testing.T) {
	o := newOriginal(t, newRand(t), 300, false)
	damaged := slices.Clone(o.image)
	clear(damaged[:o.pageSize])
	found := o.mustSalvage(t, damaged)
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
		for _, l := range found.Leases {
			if err := tx.Put(l); err != nil {
				return err
			}
		}
		return nil
	}))
	require.Len(t, leased(t, s), len(found.Leases))
}

func TestSalvageHoldsTheLock(t *testing.T) {
	o := newOriginal(t, newRand(t), 1, true)
	refused := errors.New("refused")
	require.ErrorIs(t, Open(o.path).Salvage(ctx, func(Salvage) error {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		require.ErrorIs(t, Open(o.path).View(ended, func(backend.ReadTx) error { return nil }), backend.ErrBusy)
		require.ErrorIs(t, Open(o.path).Salvage(ended, nil), backend.ErrBusy)
		return refused
	}), refused)
	require.Len(t, leased(t, Open(o.path)), 1)
}

func TestSalvageMakesNoFile(t *testing.T) {
	dir := t.TempDir()
	s := Open(filepath.Join(dir, "net"))
	require.ErrorIs(t, s.Salvage(ctx, nil), fs.ErrNotExist)
	require.Empty(t, entries(t, dir))
	require.NoError(t, os.Mkdir(s.path, 0o755))
	require.ErrorIs(t, s.Salvage(ctx, nil), backend.ErrOtherStore)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Salvage(ctx, nil), backend.ErrClosed)
}
