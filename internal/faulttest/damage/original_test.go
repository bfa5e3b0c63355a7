package damage

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
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

// Parts of a file: what a page belongs to.
const (
	newestMeta = "newest meta"
	olderMeta  = "older meta"
	freelist   = "freelist"
	root       = "root"
	freePage   = "free page"
)

// An original is an undamaged bolt store and its leases.
type original struct {
	net        faulttest.Network
	image      []byte
	earlier    []byte   // the file before the last transaction
	pages      int      // number of pages in use
	parts      []string // the part of each page
	now        leases
	before     leases // one transaction earlier
	everLeased map[lease]bool
}

// leases maps each leased address to its container.
type leases map[netip.Addr]string

// A lease is an address that a container held at some time.
type lease struct {
	addr netip.Addr
	id   string
}

// newOriginal leases all but a few addresses of the network, after releasing many.
func newOriginal(t testing.TB, net faulttest.Network, free int) *original {
	t.Helper()
	net.Dir, net.Backend = faulttest.Dir(t), config.Bolt
	o := &original{net: net, now: leases{}, everLeased: map[lease]bool{}}
	n := 0
	for range 2 { // Releases free pages.
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

// newFragmented leases every second address, so that the index of runs needs its own page.
func newFragmented(t testing.TB) *original {
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
	var err error
	if o.earlier, err = os.ReadFile(o.net.Path()); !errors.Is(err, fs.ErrNotExist) { // The first ADD makes the file.
		require.NoError(t, err)
	}
	addrs, err := o.net.Add(id)
	require.NoError(t, err)
	o.before = maps.Clone(o.now)
	for _, addr := range addrs {
		o.now[addr] = id
		o.everLeased[lease{addr, id}] = true
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

// written returns the used part of a page, up to the last byte that is not zero.
func (o *original) written(b []byte, id int) []byte {
	p := o.page(b, id)
	return p[:max(len(bytes.TrimRight(o.page(o.image, id), "\x00")), 80)]
}

// assign sets the part of each page. It asks bbolt for the type of a page, and follows the
// branches of buckets.
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
			if b.Root() != 0 { // 0: inline in the root
				o.follow(uint64(b.Root()), string(name))
			}
			return nil
		})
	}))
}

// follow sets the part of a page and the pages below it.
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

// pagesOf returns the pages of a part.
func (o *original) pagesOf(part string) (ids []int) {
	for id, p := range o.parts {
		if p == part {
			ids = append(ids, id)
		}
	}
	return ids
}

// kinds lists the parts of the file.
func (o *original) kinds() []string { return slices.Compact(slices.Sorted(slices.Values(o.parts))) }
