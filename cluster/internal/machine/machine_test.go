package machine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFingerprint(t *testing.T) {
	dir := t.TempDir()
	id, uuid := filepath.Join(dir, "machine-id"), filepath.Join(dir, "product_uuid")
	write := func(path, text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	of := func() string {
		text, err := fingerprint(id, uuid)
		require.NoError(t, err)
		require.Len(t, text, 32)
		return text
	}
	_, err := fingerprint(id, uuid)
	require.ErrorContains(t, err, "run: systemd-machine-id-setup")
	write(id, "\n")
	_, err = fingerprint(id, uuid)
	require.ErrorContains(t, err, "does not identify this machine")

	write(id, "0123456789abcdef0123456789abcdef\n")
	alone := of()
	require.Equal(t, alone, of())
	require.NotContains(t, alone, "0123456789abcdef")
	write(uuid, "7a1b\n")
	first := of()
	require.NotEqual(t, alone, first)
	write(uuid, "7a1c\n")
	require.NotEqual(t, first, of(), "a copy of the disk on another machine")
	write(id, "1123456789abcdef0123456789abcdef\n")
	write(uuid, "7a1b\n")
	require.NotEqual(t, first, of())
}
