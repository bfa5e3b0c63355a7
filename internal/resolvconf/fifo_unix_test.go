//go:build unix

package resolvconf_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/resolvconf"
)

// Opening a FIFO would wait for a writer forever.
func TestFIFOInPlaceOfResolvConf(t *testing.T) {
	name := filepath.Join(t.TempDir(), "resolv.conf")
	require.NoError(t, syscall.Mkfifo(name, 0o600))
	_, err := resolvconf.Read(name)
	require.EqualError(t, err, "read "+name+": is a FIFO, not a file")
}
