package memory_test

import (
	"net/netip"
	"testing"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/backendtest"
	"github.com/leasehold/leasehold/backend/memory"
)

func open(string) (backend.Store, error) { return memory.New(), nil }

func tear(s backend.Store, _ string, addr netip.Addr) error {
	return s.(*memory.Store).Tear(addr)
}

func TestStore(t *testing.T) {
	backendtest.Run(t, backendtest.Options{
		Open: open, KeepsDetails: true, KeepsHistory: true, Cools: true, Tear: tear, Shareable: true,
	})
}

// The store in which every address is held, among those that hosts share.
func TestSharedStore(t *testing.T) {
	backendtest.Run(t, backendtest.Options{
		Open: backendtest.HoldingAll(open), KeepsDetails: true, KeepsHistory: true, Cools: true,
	})
}

func BenchmarkStore(b *testing.B) { backendtest.Benchmark(b, open) }
