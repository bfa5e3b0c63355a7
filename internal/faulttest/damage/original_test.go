package damage

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// Parts of a file, by what a page belongs to.
const (
	newestMeta = "newest meta"
	olderMeta  = "older meta"
	freelist   = "list of free pages"
	root       = "root"
	freePage   = "free page"
)

// An original is the file of a bolt store, and what was leased in it.
type original struct {
	net    faulttest.Network
	image  []byte
	pages  int      // that have been used
	parts  []string // what each of these belongs to
	now    leased
	before leased // one transaction earlier
	ever   map[held]bool
}

// A leased says which container holds an address.
type leased map[netip.Addr]string

// A held is a lease that there has been.
type held struct {
	addr netip.Addr
	id   string
}

// newOriginal leases all addresses of the network but a few, having released many.
func newOriginal(t testing.TB, net faulttest.Network, free int) *original {
	t.Helper()
	net.Dir, net.Backend = faulttest.Dir(t), config.Bolt
	o := &original{net: net, now: leased{}, ever: map[held]bool{}}
	n := 0
	for range 2 { // Some come and go, so that pages are freed.
		for range net.Size - len(o.ids()) {
			o.add(t, n)
			n++
		}
		for i, id := range o.ids() {
			if i%3 == 0 {
				o.del(t, id)
			}
		}
	}
	for range net.Size - free - len(o.ids()) {
		o.add(t, n)
		n++
	}
	o.finish(t)
	return o
}

// newScattered leases every second address, so that the index of runs needs a page of
// its own.
func newScattered(t testing.TB) *original {
	t.Helper()
	o := newOriginal(t, faulttest.Network{Size: 110}, 4)
	for i, addr := range slices.SortedFunc(maps.Keys(o.now), netip.Addr.Compare) {
		if i%2 == 0 {
			o.del(t, o.now[addr])
		}
	}
	o.add(t, -1)
	o.finish(t)
	return o
}

// finish reads the file.
func (o *original) finish(t testing.TB) {
	t.Helper()
	var err error
	o.image, err = os.ReadFile(o.net.Path())
	require.NoError(t, err)
	o.assign(t)
}

func containerID(n int) string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, n)))
}

func (o *original) ids() []string {
	return slices.Compact(slices.Sorted(maps.Values(o.now)))
}

func (o *original) add(t testing.TB, n int) {
	t.Helper()
	id := containerID(n)
	addrs, err := o.net.Add(id)
	require.NoError(t, err)
	o.before = maps.Clone(o.now)
	for _, addr := range addrs {
		o.now[addr] = id
		o.ever[held{addr, id}] = true
	}
}

func (o *original) del(t testing.TB, id string) {
	t.Helper()
	require.NoError(t, o.net.Del(id))
	o.before = maps.Clone(o.now)
	maps.DeleteFunc(o.now, func(_ netip.Addr, holder string) bool { return holder == id })
}

func (o *original) pageSize() int { return os.Getpagesize() }

func (o *original) page(b []byte, id int) []byte { return b[id*o.pageSize():][:o.pageSize()] }

// written returns what has been written of a page, up to the last byte that is not zero.
func (o *original) written(b []byte, id int) []byte {
	p := o.page(b, id)
	return p[:max(len(bytes.TrimRight(o.page(o.image, id), "\x00")), 80)]
}

// assign has bbolt say which kind each page is of, and follows the branches of buckets.
func (o *original) assign(t testing.TB) {
	db, err := bbolt.Open(o.net.Path(), 0, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true})
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.View(func(tx *bbolt.Tx) error {
		o.pages = int(tx.Size()) / o.pageSize()
		o.parts = make([]string, o.pages)
		for id := range o.parts {
			p, err := tx.Page(id)
			require.NoError(t, err)
			o.parts[id] = map[string]string{"meta": olderMeta, "freelist": freelist, "free": freePage}[p.Type]
		}
		o.parts[tx.ID()%2] = newestMeta
		o.follow(uint64(tx.Cursor().Bucket().Root()), root)
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			if b.Root() != 0 { // otherwise it is in the root
				o.follow(uint64(b.Root()), string(name))
			}
			return nil
		})
	}))
}

// follow names the page, and those below it.
func (o *original) follow(id uint64, name string) {
	const branch, header, element = 1, 16, 16
	p := o.page(o.image, int(id))
	if binary.NativeEndian.Uint16(p[8:]) != branch {
		o.parts[id] = name
		return
	}
	o.parts[id] = name + ", branch"
	for i := range int(binary.NativeEndian.Uint16(p[10:])) {
		o.follow(binary.NativeEndian.Uint64(p[header+i*element+8:]), name)
	}
}

// pagesOf returns the pages that belong to a part.
func (o *original) pagesOf(part string) (ids []int) {
	for id, p := range o.parts {
		if p == part {
			ids = append(ids, id)
		}
	}
	return ids
}

// kinds lists the parts that the file has.
func (o *original) kinds() []string { return slices.Compact(slices.Sorted(slices.Values(o.parts))) }
