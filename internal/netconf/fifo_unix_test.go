//go:build unix

package netconf_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/netconf"
)

// To open a FIFO is to wait for a writer, for ever.
func TestFIFOAmongConfigurations(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "10-fifo.conf"), 0o600))
	n, err := netconf.Read(dir)
	require.NoError(t, err)
	require.Len(t, n.Problems, 1)
	require.ErrorContains(t, n.Problems[0], "10-fifo.conf: it is no regular file")
}
