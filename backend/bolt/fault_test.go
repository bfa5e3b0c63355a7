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
	db, err := bbolt.Open(m.store.path, 0o600, &bbolt.Options{PageSize: minPageSize})
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

// top returns the page that the tree of leases begins with.
func (e editor) top() int { return int(binary.NativeEndian.Uint64(e.entry("leases"))) }

// entry returns the value of a bucket in the root.
func (e editor) entry(name string) []byte {
	p := e.page(e.nth("root", "leaf", 0))
	list, err := elements(nil, parseHeader(p), p)
	if err != nil {
		panic(err)
	}
	for _, x := range list {
		if string(x.key) == name {
			return x.value
		}
	}
	panic("no " + name)
}

// inner returns a leaf of leases that is the second child of a branch.
func (e editor) inner() []byte { return e.page(e.child(e.child(e.top(), 0), 1)) }

func (e editor) child(branch, i int) int {
	return int(binary.NativeEndian.Uint64(e.page(branch)[headerLen+i*elementLen+8:]))
}

func (e editor) setChild(branch, i, child int) {
	binary.NativeEndian.PutUint64(e.page(branch)[headerLen+i*elementLen+8:], uint64(child))
}

// Parts of pages, to be written to.
func id(p []byte) []byte       { return p[0:8] }
func kind(p []byte) []byte     { return p[8:10] }
func count(p []byte) []byte    { return p[10:12] }
func overflow(p []byte) []byte { return p[12:16] }

func flags(p []byte, i int) []byte    { return p[headerLen+i*elementLen:][0:4] }
func pos(p []byte, i int) []byte      { return p[headerLen+i*elementLen:][4:8] }
func keyLen(p []byte, i int) []byte   { return p[headerLen+i*elementLen:][8:12] }
func valueLen(p []byte, i int) []byte { return p[headerLen+i*elementLen:][12:16] }

func key(p []byte, i int) []byte {
	begin := headerLen + i*elementLen + int(binary.NativeEndian.Uint32(pos(p, i)))
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

// free returns the n-th entry of the list of free pages.
func (e editor) free(n int) []byte {
	return e.page(e.kind("freelist"))[headerLen+n*pageIDLen:][:pageIDLen]
}

// metas changes a number in both metas, and their checksums.
func (e editor) metas(at, size, n int) {
	for i := range 2 {
		set(e.page(i)[headerLen+at:][:size], n)
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
		{"it says that it is page 7", func(e editor) { set(id(e.inner()), 7) }},
		{"it is of kind 0x3", func(e editor) { set(kind(e.inner()), branchKind|leafKind) }},
		{"it goes on for 1000 pages", func(e editor) { set(overflow(e.inner()), 1000) }},
		{"has another place already", func(e editor) { set(overflow(e.page(e.neighbour())), 1) }},
		{"there is no room for its 65535 elements", func(e editor) { set(count(e.inner()), 0xFFFF) }},
		{"element 1 is of no known kind", func(e editor) { set(flags(e.inner(), 1), 2) }},
		{"element 1 is not behind the one before", func(e editor) { set(pos(e.inner(), 1), 100) }},
		{"element 1 has no key", func(e editor) { set(keyLen(e.inner(), 1), 0) }},
		{"element 1 goes beyond the end", func(e editor) { set(keyLen(e.inner(), 1), 2000) }},
		{"element 1 goes beyond the end", func(e editor) { set(valueLen(e.inner(), 1), 2000) }},
		{"element 2 is out of order", func(e editor) { copy(key(e.inner(), 2), key(e.inner(), 1)) }},
		{"its first key is not the one", func(e editor) { key(e.inner(), 0)[4]++ }},
		{"its last key belongs behind it", func(e editor) { p := e.inner(); key(p, last(p))[1] = 200 }},
		{"0 elements are too few", func(e editor) { set(count(e.inner()), 0) }},
		{"element 1 is a bucket", func(e editor) { set(flags(e.inner(), 1), bucketFlag) }},
		{"is none of the", func(e editor) { e.setChild(e.top(), 1, 1<<30) }},
		{"page 1 is none of the", func(e editor) { e.setChild(e.top(), 1, 1) }},
		{"has another place already", func(e editor) { e.setChild(e.top(), 1, e.top()) }},
		{"is in the list of free pages", func(e editor) { e.setChild(e.top(), 1, number(e.free(0))) }},
		{"it is not as deep in the tree", func(e editor) { e.setChild(e.top(), 0, e.child(e.child(e.top(), 0), 0)) }},

		{"entries do not belong there", func(e editor) { set(flags(e.page(e.nth("root", "leaf", 0)), 0), 0) }},
		{"entries do not belong there", func(e editor) { key(e.page(e.nth("root", "leaf", 0)), 0)[4]++ }}, // boott
		{"boots: its entry is too long", func(e editor) { set(e.entry("boots")[:8], e.top()) }},
		{"leases: its entry is cut off", func(e editor) { set(e.entry("leases")[:8], 0) }},
		{"boots: of the page inside its entry: it says that it is page 9", func(e editor) { set(id(e.entry("boots")[bucketLen:]), 9) }},
		{"boots: of the page inside its entry: it is of kind", func(e editor) { set(kind(e.entry("boots")[bucketLen:]), branchKind) }},
		{"boots: the page inside its entry goes on", func(e editor) { set(overflow(e.entry("boots")[bucketLen:]), 1) }},
		{"boots: there is no room for its 999 elements", func(e editor) { set(count(e.entry("boots")[bucketLen:]), 999) }},

		{"list of free pages: it says that it is page 7", func(e editor) { set(id(e.page(e.kind("freelist"))), 7) }},
		{"list of free pages: it is of kind", func(e editor) { set(kind(e.page(e.kind("freelist"))), leafKind) }},
		{"list of free pages: it goes on for 4096 pages", func(e editor) { set(overflow(e.page(e.kind("freelist"))), 4096) }},
		{"list of free pages: there is no room", func(e editor) { set(count(e.page(e.kind("freelist"))), 5000) }},
		{"list of free pages: there is no room", func(e editor) { set(count(e.page(e.kind("freelist"))), longList); set(e.free(0), 1<<30) }},
		{"list of free pages: it names page 1 ", func(e editor) { set(e.free(0), 1) }},
		{"list of free pages: it names page 5000 ", func(e editor) { set(e.free(1), 5000) }},
		{"list of free pages: it names page", func(e editor) { copy(e.free(1), e.free(0)) }},
		{"list of free pages: it names page", func(e editor) { e.onlyFree(e.kind("freelist")) }},
		{"is in the list of free pages", func(e editor) { e.onlyFree(e.top()) }},
		{"lost page: it is neither in use nor free", func(e editor) { p := e.page(e.kind("freelist")); set(count(p), number(count(p))-1) }},

		{"meta: it says that it is page 3", func(e editor) { set(id(e.page(0)), 3) }},
		{"meta: it says that it is of kind", func(e editor) { set(kind(e.page(1)), leafKind) }},
		{"meta: it speaks of pages of 3000 bytes", func(e editor) { e.metas(8, 4, 3000) }},
		{"meta: it speaks of pages of 131072 bytes", func(e editor) { e.metas(8, 4, 2*maxPageSize) }},
		{"meta: it has its root in page 1 ", func(e editor) { e.metas(16, 8, 1) }},
		{"meta: it has its root in page 9999 ", func(e editor) { e.metas(16, 8, 9999) }},
		{"meta: it has its list of free pages in page 9999 ", func(e editor) { e.metas(32, 8, 9999) }},
		{"meta: it speaks of 9999 pages", func(e editor) { e.metas(40, 8, 9999) }},
		{"meta: its transaction has no next one", func(e editor) { e.metas(48, 8, -1) }},
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
		if e.buckets[id] == "leases" && number(e.page(id)[:pageIDLen]) == id && e.buckets[id+1] != "" {
			return id
		}
	}
	panic("no page is in use behind another")
}

// onlyFree makes a page the only one in the list of free pages.
func (e editor) onlyFree(page int) {
	set(count(e.page(e.kind("freelist"))), 1)
	set(e.free(0), page)
}

// A tree of branches with two children is less deep, however large its file. bbolt would
// go down any, until the stack ends.
func TestCheckEndsInADeepTree(t *testing.T) {
	e := newEditor(t)
	lowest := slices.Clone(key(e.page(e.child(e.child(e.top(), 0), 0)), 0))
	next := len(e.b) / e.pageSize
	e.setChild(e.top(), 0, next)
	for depth := range maxDepth + 1 {
		e.b = append(e.b, make([]byte, e.pageSize)...)
		e.writeBranch(next, lowest, append(slices.Clone(lowest), byte(0xff-depth)))
		next++
	}
	e.metas(40, 8, next)
	require.NoError(t, os.WriteFile(e.path, e.b, 0o600))
	err := Open(e.path, Checked()).View(ctx, func(backend.ReadTx) error { return nil })
	require.ErrorContains(t, err, "it is too deep in the tree")
}

// writeBranch writes a branch of two elements, of which the first leads to the page
// behind.
func (e editor) writeBranch(page int, first, second []byte) {
	p := e.page(page)
	set(id(p), page)
	set(kind(p), branchKind)
	set(count(p), 2)
	for i, at := range []int{2 * elementLen, elementLen + len(first)} {
		b := p[headerLen+i*elementLen:]
		set(b[:4], at)
		set(b[4:8], len(first)+i)
		set(b[8:16], page+1+i)
	}
	copy(p[headerLen+2*elementLen:], append(slices.Clone(first), second...))
}
