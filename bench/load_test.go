package bench

import (
	"fmt"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/files"
)

// A kind of store that can be made at once.
type kind struct {
	name   string
	create func(path string, c backend.Content) error
	open   func(path string) (backend.Store, error)
}

func filesKind() kind {
	return kind{"files", files.Create, func(path string) (backend.Store, error) { return files.Open(path), nil }}
}

func boltKind() kind {
	return kind{"bolt", bolt.Create, func(path string) (backend.Store, error) { return bolt.Open(path), nil }}
}

// sizes leaves out the largest with -short: a million files take gigabytes, and longer
// to remove than to make.
func sizes() []int {
	all := []int{1_000, 65_000, 1_000_000}
	if testing.Short() {
		return all[:2]
	}
	return all
}

// content returns n leases with as much in them as Kubernetes has.
func content(n int) backend.Content {
	return backend.Content{
		Leases:     leases(n),
		Cursors:    map[string]netip.Addr{"0": netip.MustParseAddr("10.0.0.1")},
		LastSearch: boot,
	}
}

func leases(n int) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		addr := netip.MustParseAddr("10.0.0.1")
		for i := range n {
			l := nth(i)
			l.Addr = addr
			if !yield(l, nil) {
				return
			}
			addr = addr.Next()
		}
	}
}

const boot = "5b2f7c9e-8a51-4cf8-9b43-0f1e6d0c2a77"

// nth returns the lease of a container, but for its address.
func nth(i int) backend.Lease {
	id := uint64(i+1) * 0x9e3779b97f4a7c15 // in no order
	return backend.Lease{
		Owner: backend.Owner{ContainerID: fmt.Sprintf("%016x%016x%016x%016x", id, id*3, id*5, id*7), IfName: "eth0"},
		Since: time.Unix(1_700_000_000+int64(i), 0).UTC(),
		Boot:  boot,
		Pod:   backend.Pod{Namespace: "default", Name: fmt.Sprintf("web-%08x-%05x", uint32(id), i%0xfffff)},
		Netns: fmt.Sprintf("/var/run/netns/cni-%08x-8a51-4cf8-9b43-%012x", uint32(id), i),
	}
}

// BenchmarkCreate makes stores of what comes out of nowhere.
//
// Nothing is removed before the end: for minutes ext4 passes over the inodes of what was
// deleted, one by one, which makes new files ten times as expensive. For the same reason
// figures of a second run, soon after the first, say little of the files store.
func BenchmarkCreate(b *testing.B) {
	dir := b.TempDir()
	for _, k := range []kind{filesKind(), boltKind()} {
		for _, n := range sizes() {
			name := fmt.Sprintf("store=%s/leases=%d", k.name, n)
			b.Run(name, func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					path := fresh(b, dir, k.name, n, i)
					require.NoError(b, k.create(path, content(n)))
					reportSize(b, path, n)
				}
				perLease(b, n)
			})
		}
	}
}

// BenchmarkMigrate is what a migration does while it has the lock of the old store, but
// for reading back what it has written.
func BenchmarkMigrate(b *testing.B) {
	dir := b.TempDir()
	for _, way := range []struct{ from, to kind }{{filesKind(), boltKind()}, {boltKind(), filesKind()}} {
		for _, n := range sizes() {
			b.Run(fmt.Sprintf("from=%s/to=%s/leases=%d", way.from.name, way.to.name, n), func(b *testing.B) {
				from := fresh(b, dir, "from-"+way.from.name, n, 0)
				require.NoError(b, way.from.create(from, content(n)))
				store, err := way.from.open(from)
				require.NoError(b, err)
				for i := 0; b.Loop(); i++ {
					to := fresh(b, dir, "to-"+way.to.name, n, i)
					require.NoError(b, store.View(b.Context(), func(tx backend.ReadTx) error {
						c, err := backend.ContentOf(tx)
						if err != nil {
							return err
						}
						return way.to.create(to, c)
					}))
				}
				perLease(b, n)
			})
		}
	}
}

// fresh returns a path at which nothing stands. The benchmark function is called again
// with the same names, for a longer run.
func fresh(b *testing.B, dir, name string, n, i int) string {
	b.Helper()
	parent, err := os.MkdirTemp(dir, fmt.Sprintf("%s-%d-%d-", name, n, i))
	require.NoError(b, err)
	return filepath.Join(parent, "net")
}

// reportSize says what a lease takes, where a file holds them all.
func reportSize(b *testing.B, path string, n int) {
	b.Helper()
	info, err := os.Stat(path)
	require.NoError(b, err)
	if info.Mode().IsRegular() {
		b.ReportMetric(float64(info.Size())/float64(n), "B/lease")
	}
}

func perLease(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/lease")
}
