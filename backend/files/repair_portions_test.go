package files

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A power cut can tear thousands of leases of the stock plugin. Repair does not release all of
// them in one transaction, because plugins would wait.
func TestRepairManyTornLeases(t *testing.T) {
	const n = 600
	dir := filepath.Join(t.TempDir(), "net")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for i := range n {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("10.0.%d.%d", i/250, i%250)), nil, 0o600))
	}
	s := Open(dir)
	journals := 0
	s.step = func(op string, names ...string) error {
		if op == "remove" && names[0] == journalName {
			journals++
		}
		return nil
	}
	done, err := s.Repair(t.Context())
	require.NoError(t, err)
	require.Len(t, done, n)
	require.NoError(t, s.Verify(t.Context()))
	require.Equal(t, 3, journals, "one for each transaction")
}
