package bolt_test

import (
	"context"
	"testing"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/backendtest"
	"github.com/leasehold/leasehold/backend/bolt"
)

func open(path string) (backend.Store, error) { return bolt.Open(path), nil }

func TestMain(m *testing.M) { backendtest.Main(m, open) }

func TestStore(t *testing.T) {
	backendtest.Run(t, backendtest.Options{
		Open:         open,
		Persistent:   true,
		KeepsDetails: true,
		Check:        func(path string) error { return bolt.Open(path).Verify(context.Background()) },
	})
}

func BenchmarkStore(b *testing.B) { backendtest.Benchmark(b, open) }
