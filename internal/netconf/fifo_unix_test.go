//go:build unix

package netconf_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/netconf"
)

// Opening a FIFO would wait for a writer forever.
func TestFIFOAmongConfigurations(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "10-fifo.conf"), 0o600))
	n, err := netconf.Read(dir)
	require.NoError(t, err)
	require.Len(t, n.Problems, 1)
	require.ErrorContains(t, n.Problems[0], "10-fifo.conf: not a regular file")

	// In the subdirectory of a list, too.
	list := filepath.Join(dir, "10-list.conflist")
	require.NoError(t, os.WriteFile(list, []byte(`{"cniVersion": "1.1.0", "name": "list"}`), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "list"), 0o700))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "list", "10-fifo.conf"), 0o600))
	n, err = netconf.Read(dir)
	require.NoError(t, err)
	require.Len(t, n.Problems, 2)
	require.ErrorContains(t, n.Problems[1], "list/10-fifo.conf: not a regular file")
}
