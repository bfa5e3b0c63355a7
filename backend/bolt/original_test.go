package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// An original is the file of a store, and what a test has to know of it to decide what damage
// must and must not do. None of that comes from the code under test.
type original struct {
	name     string
	path     string // for a file that is damaged
	image    []byte
	earlier  [][]byte // images after some of the transactions before the last
	pageSize int
	pages    int            // that have ever been used
	kinds    []string       // of pages, as bbolt calls them
	buckets  map[int]string // to which pages belong; "root" for pages of the root
	live     map[netip.Addr]stretch
	leases   map[netip.Addr]backend.Lease
	ever     map[backend.Lease]bool // all that there have been, without their boots
	cursors  map[string]netip.Addr
	boot     string
	history  []backend.Ended
}

// A stretch is a part of a file.
type stretch struct{ from, to int }

// intact reports whether damage has left a stretch of the original as it was.
func (s stretch) intact(o *original, damaged []byte) bool {
	return s.to <= len(damaged) && bytes.Equal(o.image[s.from:s.to], damaged[s.from:s.to])
}

// A maker makes an original.
type maker struct {
	*original
	t     testing.TB
	rnd   *rand.Rand
	store *Store
	clock int64
	addrs []netip.Addr // those to lease, in the order in which to do so
}

// newOriginal makes a store of n leases after many others have been released, so that the file
// has pages of earlier transactions.
func newOriginal(t testing.TB, rnd *rand.Rand, n int, sorted bool) *original {
	t.Helper()
	m := &maker{
		original: &original{
			name:   fmt.Sprintf("%d leases, sorted: %t", n, sorted),
			leases: make(map[netip.Addr]backend.Lease), ever: make(map[backend.Lease]bool), live: make(map[netip.Addr]stretch),
			cursors: make(map[string]netip.Addr),
		},
		t: t, rnd: rnd, clock: 1764000000,
		store: Open(filepath.Join(t.TempDir(), "net")),
	}
	m.chooseAddrs(n, sorted)
	for len(m.addrs) > 0 {
		m.put(min(len(m.addrs), 1+n/12))
		m.release(rnd.IntN(1 + n/16))
		if rnd.IntN(8) == 0 {
			m.update(func(tx backend.Tx) error { return tx.(backend.HistoryTx).IndexPods() })
		}
	}
	m.put(n - len(m.leases))
	if n > 0 {
		m.release(1)
		m.put(1)
	}
	m.update(func(tx backend.Tx) error {
		m.cursors["0"], m.cursors["1"], m.boot = addr("10.0.0.77"), addr("fd00::7"), "boot-3"
		for set, a := range m.cursors {
			require.NoError(t, tx.SetCursor(set, a))
		}
		return tx.SetLastSearch(m.boot)
	})
	if n > 0 && rnd.IntN(2) == 0 { // The last transaction changes leases.
		m.release(1)
		m.put(1)
	}
	m.finish()
	return m.original
}

func (m *maker) chooseAddrs(n int, sorted bool) {
	gap := 1 + m.rnd.IntN(2)
	for i := range n {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 14), byte(i >> 6), byte(i*gap) & 0x7f})
		if i%3 == 2 {
			a = netip.AddrFrom16([16]byte{0xfd, 14: byte(i >> 8), 15: byte(i)})
		}
		m.addrs = append(m.addrs, a)
	}
	slices.SortFunc(m.addrs, netip.Addr.Compare)
	m.addrs = slices.Compact(m.addrs)
	if !sorted {
		m.rnd.Shuffle(len(m.addrs), func(i, j int) { m.addrs[i], m.addrs[j] = m.addrs[j], m.addrs[i] })
	}
}

func (m *maker) update(fn func(tx backend.Tx) error) {
	m.t.Helper()
	require.NoError(m.t, m.store.Update(ctx, fn))
	if m.rnd.IntN(4) == 0 {
		if image, err := os.ReadFile(m.store.path); err == nil { // The first lease makes the file.
			m.earlier = append(m.earlier, image)
		}
	}
}

// put leases the next n addresses.
func (m *maker) put(n int) {
	m.t.Helper()
	n = min(n, len(m.addrs))
	m.update(func(tx backend.Tx) error {
		for _, a := range m.addrs[:n] {
			l := m.newLease(a)
			if err := tx.Put(l); err != nil {
				return err
			}
			m.leases[a] = l
			l.Boot = ""
			m.ever[l] = true
		}
		return nil
	})
	m.addrs = m.addrs[n:]
}

func (m *maker) newLease(a netip.Addr) backend.Lease {
	m.clock++
	l := backend.Lease{
		Addr:  a,
		Owner: backend.Owner{ContainerID: fmt.Sprintf("%016x%048x", m.rnd.Uint64(), m.clock), IfName: "eth0"},
		Since: time.Unix(m.clock, 0).UTC(),
		Boot:  fmt.Sprintf("boot-%d", m.rnd.IntN(4)),
	}
	switch m.rnd.IntN(4) {
	case 0:
		l.Pod = backend.Pod{Namespace: "kube-system", Name: fmt.Sprintf("coredns-%d", m.clock)}
		l.Netns = "/var/run/netns/cni-0b9e6a63-0c77-5d3b-8e51-6f1f0f9c2a11"
	case 1:
		l.Owner.ContainerID = fmt.Sprintf("short-%d", m.clock)
	case 2:
		if m.rnd.IntN(40) == 0 { // does not fit into a page
			l.Owner.ContainerID = fmt.Sprintf("%04096d", m.clock)
			l.Netns = "/" + l.Owner.ContainerID[1:]
		}
	}
	return l
}

// release ends n leases, whose addresses are leased again later.
func (m *maker) release(n int) {
	m.t.Helper()
	m.update(func(tx backend.Tx) error {
		for _, a := range slices.SortedFunc(maps.Keys(m.leases), netip.Addr.Compare) {
			if n == 0 {
				break
			}
			if m.rnd.IntN(3) > 0 {
				continue
			}
			if err := m.end(tx, m.leases[a]); err != nil {
				return err
			}
			delete(m.leases, a)
			m.addrs = append(m.addrs, a)
			n--
		}
		return nil
	})
}

// end ends a lease, with an entry in the history.
func (m *maker) end(tx backend.Tx, l backend.Lease) error {
	m.clock++
	l.Boot, l.Netns = "", ""
	e := backend.Ended{Lease: l, Until: time.Unix(m.clock, 0).UTC(), Cause: backend.EndedByDEL}
	m.history = append(m.history, e)
	return errors.Join(tx.Delete(l.Addr), tx.(backend.HistoryTx).Record(e))
}

// finish reads the file, and asks bbolt where in it everything is.
func (m *maker) finish() {
	m.t.Helper()
	require.NoError(m.t, m.store.Verify(ctx))
	m.path = m.store.path
	var err error
	m.image, err = os.ReadFile(m.path)
	require.NoError(m.t, err)
	db, err := bbolt.Open(m.path, 0, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true})
	require.NoError(m.t, err)
	defer db.Close()
	m.pageSize = db.Info().PageSize
	require.NoError(m.t, db.View(func(b *bbolt.Tx) error {
		m.pages = int(b.Size()) / m.pageSize
		used := m.blankFree(b)
		return b.Bucket(format.LeasesBucket).ForEach(func(k, v []byte) error {
			a, err := format.ParseAddr(k)
			require.NoError(m.t, err)
			m.live[a] = m.find(used, append(bytes.Clone(k), v...))
			return nil
		})
	}))
	require.Len(m.t, m.live, len(m.leases))
	m.assignPages()
}

func (m *maker) find(used, entry []byte) stretch {
	m.t.Helper()
	at := bytes.Index(used, entry)
	require.GreaterOrEqual(m.t, at, 0, "%x is on a page in use", entry)
	return stretch{at, at + len(entry)}
}

// blankFree returns the file without the pages that are free, and notes what kinds of
// pages there are.
func (m *maker) blankFree(b *bbolt.Tx) []byte {
	used := bytes.Clone(m.image[:m.pages*m.pageSize])
	m.kinds = nil
	for id := 0; id < m.pages; {
		p, err := b.Page(id)
		require.NoError(m.t, err)
		n := 1
		if p.Type == "free" {
			clear(used[id*m.pageSize:][:m.pageSize])
		} else {
			n += p.OverflowCount
		}
		for range n {
			m.kinds = append(m.kinds, p.Type)
		}
		id += n
	}
	return used
}

// assignPages notes to which buckets pages belong.
func (m *maker) assignPages() {
	m.buckets = make(map[int]string)
	f, metas := page.Open(bytes.NewReader(m.image), int64(len(m.image)))
	id, ok := metas.Latest()
	require.True(m.t, ok)
	w := page.NewWalker(f, metas[id].End, format.DescribeKeys)
	w.Report = func(f page.Fault) { require.NoError(m.t, f) }
	assign := func(bucket string, walk func()) {
		w.Visited = page.NewBitmap(w.End)
		walk()
		for id := range m.pages {
			if w.Visited.Has(uint64(id)) {
				m.buckets[id] = bucket
			}
		}
	}
	var buckets map[string]page.BucketEntry
	assign("root", func() { buckets, _ = w.Root(metas[id].Root, format.AllBuckets()) })
	for name, e := range buckets {
		assign(name, func() { w.Bucket(name, e, func(uint64, []page.Element) {}) })
	}
}
