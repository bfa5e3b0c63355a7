package bolt

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// An editor changes one thing in the file of a store with small pages, so that its
// trees have three levels.
type editor struct {
	*original
	b []byte
}

func newEditor(t *testing.T) editor {
	t.Helper()
	m := &maker{
		original: &original{
			leases: make(map[netip.Addr]backend.Lease), ever: make(map[backend.Lease]bool), live: make(map[netip.Addr]stretch),
		},
		t: t, rnd: rand.New(rand.NewPCG(1, 2)), clock: 1764000000,
		store: Open(filepath.Join(t.TempDir(), "net")),
	}
	db, err := bbolt.Open(m.store.path, 0o600, &bbolt.Options{PageSize: page.MinSize})
	require.NoError(t, err)
	require.NoError(t, db.Update(createBuckets))
	require.NoError(t, db.Close())
	m.chooseAddrs(1200, true)
	m.put(600)
	m.put(600)
	m.release(40)
	m.finish()
	return editor{m.original, slices.Clone(m.image)}
}

// page returns page id.
func (e editor) page(id int) []byte { return e.b[id*e.pageSize:][:e.pageSize] }

// nth returns the n-th page of a kind in a bucket, in ascending order of pages.
func (e editor) nth(bucket, kind string, n int) int {
	for id := range e.kinds {
		if e.buckets[id] == bucket && e.kinds[id] == kind {
			if n == 0 {
				return id
			}
			n--
		}
	}
	panic("no " + kind + " in " + bucket)
}

func (e editor) kind(kind string) int { return slices.Index(e.kinds, kind) }

// top returns the root page of the tree of leases.
func (e editor) top() int { return int(binary.NativeEndian.Uint64(e.entry("leases"))) }

// entry returns the value of a bucket in the root.
func (e editor) entry(name string) []byte {
	p := e.page(e.nth("root", "leaf", 0))
	list, err := page.AppendElements(nil, page.ParseHeader(p), p)
	if err != nil {
		panic(err)
	}
	for _, x := range list {
		if string(x.Key) == name {
			return x.Value
		}
	}
	panic("no " + name)
}

// inner returns a leaf of leases that is the second child of a branch.
func (e editor) inner() []byte { return e.page(e.child(e.child(e.top(), 0), 1)) }

func (e editor) child(branch, i int) int {
	return int(binary.NativeEndian.Uint64(e.page(branch)[page.HeaderLen+i*page.ElementLen+8:]))
}

func (e editor) setChild(branch, i, child int) {
	binary.NativeEndian.PutUint64(e.page(branch)[page.HeaderLen+i*page.ElementLen+8:], uint64(child))
}

// Parts of pages, to write to.
func pageID(p []byte) []byte   { return p[0:8] }
func kind(p []byte) []byte     { return p[8:10] }
func count(p []byte) []byte    { return p[10:12] }
func overflow(p []byte) []byte { return p[12:16] }

func flags(p []byte, i int) []byte    { return p[page.HeaderLen+i*page.ElementLen:][0:4] }
func pos(p []byte, i int) []byte      { return p[page.HeaderLen+i*page.ElementLen:][4:8] }
func keyLen(p []byte, i int) []byte   { return p[page.HeaderLen+i*page.ElementLen:][8:12] }
func valueLen(p []byte, i int) []byte { return p[page.HeaderLen+i*page.ElementLen:][12:16] }

func key(p []byte, i int) []byte {
	begin := page.HeaderLen + i*page.ElementLen + int(binary.NativeEndian.Uint32(pos(p, i)))
	return p[begin:][:binary.NativeEndian.Uint32(keyLen(p, i))]
}

func set(b []byte, n int) {
	switch len(b) {
	case 2:
		binary.NativeEndian.PutUint16(b, uint16(n))
	case 4:
		binary.NativeEndian.PutUint32(b, uint32(n))
	case 8:
		binary.NativeEndian.PutUint64(b, uint64(n))
	}
}

func number(b []byte) int {
	if len(b) == 2 {
		return int(binary.NativeEndian.Uint16(b))
	}
	return int(binary.NativeEndian.Uint64(b))
}

// free returns the n-th entry of the freelist.
func (e editor) free(n int) []byte {
	return e.page(e.kind("freelist"))[page.HeaderLen+n*page.IDLen:][:page.IDLen]
}

// metas changes a number in both metas, and their checksums.
func (e editor) metas(at, size, n int) {
	for i := range 2 {
		set(e.page(i)[page.HeaderLen+at:][:size], n)
	}
	for i := range 2 {
		clear(e.page(i)[page.HeaderLen+page.MetaLen : page.SectorLen])
	}
	seal(e.b, e.pageSize)
}

func TestCheckFindsEachFault(t *testing.T) {
	sound := newEditor(t)
	last := func(p []byte) int { return number(count(p)) - 1 }
	for _, c := range []struct {
		says string
		edit func(e editor)
	}{
		{"page header has page number 70000", func(e editor) { set(pageID(e.inner()), 70000) }},
		{"page header has kind 0x3", func(e editor) { set(kind(e.inner()), page.BranchKind|page.LeafKind) }},
		{"page has too many overflow pages: 1000", func(e editor) { set(overflow(e.inner()), 1000) }},
		{"is in use elsewhere", func(e editor) { set(overflow(e.page(e.neighbour())), 1) }},
		{"65535 elements do not fit on the page", func(e editor) { set(count(e.inner()), 0xFFFF) }},
		{"element 1 has unknown flags 0x2", func(e editor) { set(flags(e.inner(), 1), 2) }},
		{"element 1 has its key at offset 100, want ", func(e editor) { set(pos(e.inner(), 1), 100) }},
		{"element 1 has an empty key", func(e editor) { set(keyLen(e.inner(), 1), 0) }},
		{"element 1 extends beyond the page", func(e editor) { set(keyLen(e.inner(), 1), 2000) }},
		{"element 1 extends beyond the page", func(e editor) { set(valueLen(e.inner(), 1), 2000) }},
		{"element 2 is out of order", func(e editor) { copy(key(e.inner(), 2), key(e.inner(), 1)) }},
		{"first key is not the one in the parent page", func(e editor) { key(e.inner(), 0)[4]++ }},
		{"last key is not below the next one in the parent page", func(e editor) { p := e.inner(); key(p, last(p))[1] = 200 }},
		{"page has too few elements: 0", func(e editor) { set(count(e.inner()), 0) }},
		{"element 1 is a nested bucket", func(e editor) { set(flags(e.inner(), 1), 1) }},
		{"page 1073741824 is out of range: the file has ", func(e editor) { e.setChild(e.top(), 1, 1<<30) }},
		{"page 1 is out of range: the file has ", func(e editor) { e.setChild(e.top(), 1, 1) }},
		{"is in use elsewhere", func(e editor) { e.setChild(e.top(), 1, e.top()) }},
		{"is in the freelist", func(e editor) { e.setChild(e.top(), 1, number(e.free(0))) }},
		{"leaf is at depth 2, and others at depth 1", func(e editor) { e.setChild(e.top(), 0, e.child(e.child(e.top(), 0), 0)) }},

		{"unknown entries: 1", func(e editor) { set(flags(e.page(e.nth("root", "leaf", 0)), 0), 0) }},
		{"unknown entries: 1", func(e editor) { key(e.page(e.nth("root", "leaf", 0)), 0)[4]++ }}, // boott
		{"boots: bucket entry is too long", func(e editor) { set(e.entry("boots")[:8], e.top()) }},
		{"leases: bucket entry is truncated", func(e editor) { set(e.entry("leases")[:8], 0) }},
		{"boots: inline page: page header has page number 9", func(e editor) { set(pageID(e.entry("boots")[page.EntryLen:]), 9) }},
		{"boots: inline page: page header has kind 0x1", func(e editor) { set(kind(e.entry("boots")[page.EntryLen:]), page.BranchKind) }},
		{"boots: inline page: page has too many overflow pages: 1", func(e editor) { set(overflow(e.entry("boots")[page.EntryLen:]), 1) }},
		{"boots: 999 elements do not fit on the page", func(e editor) { set(count(e.entry("boots")[page.EntryLen:]), 999) }},

		{"freelist: page header has page number 70000", func(e editor) { set(pageID(e.page(e.kind("freelist"))), 70000) }},
		{"freelist: page header has kind", func(e editor) { set(kind(e.page(e.kind("freelist"))), page.LeafKind) }},
		{"freelist: page has too many overflow pages: 4096", func(e editor) { set(overflow(e.page(e.kind("freelist"))), 4096) }},
		{"freelist: 5000 entries do not fit on the page", func(e editor) { set(count(e.page(e.kind("freelist"))), 5000) }},
		{"freelist: 1073741824 entries do not fit on the page", func(e editor) { set(count(e.page(e.kind("freelist"))), page.LongList); set(e.free(0), 1<<30) }},
		{"freelist: page 1 is out of range: the file has ", func(e editor) { set(e.free(0), 1) }},
		{"freelist: page 5000 is out of range: the file has ", func(e editor) { set(e.free(1), 5000) }},
		{"is listed after page", func(e editor) { copy(e.free(1), e.free(0)) }},
		{"is part of the freelist itself", func(e editor) { e.onlyFree(e.kind("freelist")) }},
		{"is in the freelist", func(e editor) { e.onlyFree(e.top()) }},
		{"unreachable: page is neither in use nor in the freelist", func(e editor) { p := e.page(e.kind("freelist")); set(count(p), number(count(p))-1) }},

		{"meta page: page header has page number 3", func(e editor) { set(pageID(e.page(0)), 3) }},
		{"meta page: page header has kind 0x2", func(e editor) { set(kind(e.page(1)), page.LeafKind) }},
		{"meta page: page size is 3000, want a power of 2", func(e editor) { e.metas(8, 4, 3000) }},
		{"meta page: page size is 131072, want a power of 2", func(e editor) { e.metas(8, 4, 2*page.MaxSize) }},
		{"meta page: root page 1 is out of range: the file has ", func(e editor) { e.metas(16, 8, 1) }},
		{"meta page: root page 9999 is out of range: the file has ", func(e editor) { e.metas(16, 8, 9999) }},
		{"meta page: freelist page 9999 is out of range: the file has ", func(e editor) { e.metas(32, 8, 9999) }},
		{"meta page: file is truncated: it has ", func(e editor) { e.metas(40, 8, 9999) }},
		{"meta page: transaction ID overflows", func(e editor) { e.metas(48, 8, -1) }},
	} {
		t.Run(c.says, func(t *testing.T) {
			e := editor{sound.original, slices.Clone(sound.image)}
			c.edit(e)
			s := watched{t, Open(e.path, Checked())}
			require.NoError(t, os.WriteFile(s.path, e.b, 0o600))
			err := s.View(func(backend.ReadTx) error { return nil })
			require.ErrorIs(t, err, backend.ErrDamaged)
			require.ErrorContains(t, err, s.path+": ")
			require.ErrorContains(t, err, c.says)
			require.Equal(t, err, s.Update(func(backend.Tx) error { return nil }))
		})
	}
}

// neighbour returns a page of leases before another page that is in use.
func (e editor) neighbour() int {
	for id := range e.kinds {
		if e.buckets[id] == "leases" && number(e.page(id)[:page.IDLen]) == id && e.buckets[id+1] != "" {
			return id
		}
	}
	panic("no page is in use behind another")
}

// onlyFree makes a page the only one in the freelist.
func (e editor) onlyFree(page int) {
	set(count(e.page(e.kind("freelist"))), 1)
	set(e.free(0), page)
}

// A tree of branches with two children is less deep, however large its file. bbolt would recurse
// until the stack is full.
func TestCheckEndsInADeepTree(t *testing.T) {
	e := newEditor(t)
	lowest := slices.Clone(key(e.page(e.child(e.child(e.top(), 0), 0)), 0))
	next := len(e.b) / e.pageSize
	e.setChild(e.top(), 0, next)
	for depth := range 64 {
		e.b = append(e.b, make([]byte, e.pageSize)...)
		e.writeBranch(next, lowest, append(slices.Clone(lowest), byte(0xff-depth)))
		next++
	}
	e.metas(40, 8, next)
	require.NoError(t, os.WriteFile(e.path, e.b, 0o600))
	err := Open(e.path, Checked()).View(ctx, func(backend.ReadTx) error { return nil })
	require.ErrorContains(t, err, "tree is too deep")
}

// writeBranch writes a branch of two elements, of which the first refers to the next page.
func (e editor) writeBranch(id int, first, second []byte) {
	p := e.page(id)
	set(pageID(p), id)
	set(kind(p), page.BranchKind)
	set(count(p), 2)
	for i, at := range []int{2 * page.ElementLen, page.ElementLen + len(first)} {
		b := p[page.HeaderLen+i*page.ElementLen:]
		set(b[:4], at)
		set(b[4:8], len(first)+i)
		set(b[8:16], id+1+i)
	}
	copy(p[page.HeaderLen+2*page.ElementLen:], append(slices.Clone(first), second...))
}
