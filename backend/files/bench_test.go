package files_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/files"
)

var (
	first = netip.MustParseAddr("10.0.0.1")
	last  = netip.MustParseAddr("10.255.255.254")
)

// newStockStore returns a store with n leases of the stock plugin.
func newStockStore(b *testing.B, n int) *files.Store {
	b.Helper()
	dir := b.TempDir()
	addr := first
	for i := range n {
		id := fmt.Sprintf("%064x", i)
		require.NoError(b, os.WriteFile(filepath.Join(dir, addr.String()), []byte(id+"\r\neth0"), 0o600))
		addr = addr.Next()
	}
	require.NoError(b, os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600))
	return files.Open(dir)
}

func forSizes(b *testing.B, bench func(b *testing.B, n int, s *files.Store)) {
	for _, n := range []int{0, 1000, 20000} {
		b.Run(fmt.Sprintf("leases=%d", n), func(b *testing.B) {
			s := newStockStore(b, n)
			b.ResetTimer()
			bench(b, n, s)
		})
	}
}

func BenchmarkOwnedBy(b *testing.B) {
	o := backend.Owner{ContainerID: strings.Repeat("f", 64), IfName: "eth0"}
	forSizes(b, func(b *testing.B, _ int, s *files.Store) {
		for b.Loop() {
			require.NoError(b, s.View(b.Context(), func(tx backend.ReadTx) error {
				owned, err := tx.OwnedBy(o)
				require.Empty(b, owned)
				return err
			}))
		}
	})
}

// BenchmarkWalk finds the leases of an owner as the stock plugin does.
func BenchmarkWalk(b *testing.B) {
	want := strings.Repeat("f", 64) + "\r\neth0"
	forSizes(b, func(b *testing.B, _ int, s *files.Store) {
		for b.Loop() {
			require.NoError(b, filepath.Walk(s.Path(), func(path string, info os.FileInfo, err error) error {
				if err != nil || info.IsDir() {
					return err
				}
				data, err := os.ReadFile(path)
				require.NotEqual(b, want, strings.TrimSpace(string(data)))
				return err
			}))
		}
	})
}

// BenchmarkAdd does the work of an ADD, and undoes it like a DEL.
func BenchmarkAdd(b *testing.B) {
	o := backend.Owner{ContainerID: strings.Repeat("f", 64), IfName: "eth0"}
	forSizes(b, func(b *testing.B, _ int, s *files.Store) {
		var leased netip.Addr
		for b.Loop() {
			require.NoError(b, s.Update(b.Context(), func(tx backend.Tx) error { return add(tx, o, &leased) }))
			b.StopTimer()
			require.NoError(b, s.Update(b.Context(), func(tx backend.Tx) error { return tx.Delete(leased) }))
			b.StartTimer()
		}
	})
}

func add(tx backend.Tx, o backend.Owner, leased *netip.Addr) error {
	if _, err := tx.OwnedBy(o); err != nil {
		return err
	}
	addr, err := tx.NextFree(first, last)
	if err != nil {
		return err
	}
	*leased = addr
	if err := tx.Put(backend.Lease{Addr: addr, Owner: o}); err != nil {
		return err
	}
	return tx.SetCursor("0", addr)
}

func BenchmarkLease(b *testing.B) {
	forSizes(b, func(b *testing.B, n int, s *files.Store) {
		for b.Loop() {
			require.NoError(b, s.View(b.Context(), func(tx backend.ReadTx) error {
				_, err := tx.Lease(first)
				if n == 0 {
					require.ErrorIs(b, err, backend.ErrNotFound)
					return nil
				}
				return err
			}))
		}
	})
}

func BenchmarkLeases(b *testing.B) {
	forSizes(b, func(b *testing.B, n int, s *files.Store) {
		for b.Loop() {
			require.NoError(b, s.View(b.Context(), func(tx backend.ReadTx) error {
				count := 0
				for _, err := range tx.Leases(netip.Addr{}) {
					if err != nil {
						return err
					}
					count++
				}
				require.Equal(b, n, count)
				return nil
			}))
		}
	})
}
