package files_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/backendtest"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/internal/ramtemp"
)

func open(path string) (backend.Store, error) { return files.Open(path), nil }

func TestMain(m *testing.M) {
	ramtemp.Use()
	backendtest.Main(m, open)
}

func TestStore(t *testing.T) {
	backendtest.Run(t, backendtest.Options{
		Open:       open,
		Persistent: true,
		Tear: func(_ backend.Store, path string, addr netip.Addr) error {
			return os.WriteFile(filepath.Join(path, addr.String()), nil, 0o600)
		},
	})
}

func BenchmarkStore(b *testing.B) { backendtest.Benchmark(b, open) }
