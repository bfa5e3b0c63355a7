package bench

import (
	"testing"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/backendtest"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/backend/memory"
)

// A kindOfStore is a way to keep leases.
type kindOfStore struct {
	name string
	open backendtest.Open
}

func stores() []kindOfStore {
	return []kindOfStore{
		{"files", func(path string) (backend.Store, error) { return files.Open(path), nil }},
		{"bolt", func(path string) (backend.Store, error) { return bolt.Open(path), nil }},
		{"memory", func(string) (backend.Store, error) { return memory.New(), nil }},
	}
}

// BenchmarkStore runs the same operations on each store. That in memory is the
// floor: what it takes is the price of the operations themselves.
func BenchmarkStore(b *testing.B) {
	for _, s := range stores() {
		b.Run("store="+s.name, func(b *testing.B) { backendtest.Benchmark(b, s.open) })
	}
}
