//go:build unix

package files

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/backend"
)

// TestFIFO: opening a FIFO never waits for a writer.
func TestFIFO(t *testing.T) {
	b := newTestDir(t)
	b.stock("10.0.0.1", "id\r\neth0")
	for _, name := range []string{"10.0.0.2", "FD00::2", cursorPrefix + "0"} {
		require.NoError(t, unix.Mkfifo(b.file(name), 0o600))
	}
	b.view(func(tx backend.ReadTx) error {
		requireAddrs(b, tx, backend.Owner{ContainerID: "(named pipe)"}, "10.0.0.2", "fd00::2")
		requireAddrs(b, tx, backend.Owner{ContainerID: "id"}, "10.0.0.1")
		_, err := tx.Cursor("0")
		require.ErrorIs(t, err, backend.ErrNotFound)
		return nil
	})
	b.update(func(tx backend.Tx) error {
		require.NoError(t, tx.Put(lease("10.0.0.3", "id")))
		return tx.SetCursor("0", ip("10.0.0.3"))
	})
	require.Contains(t, b.names(), "10.0.0.3", "a cursor that cannot be written is ignored")
	require.Error(t, b.open().Update(t.Context(), func(tx backend.Tx) error {
		return tx.SetCursor("0", ip("10.0.0.3"))
	}), "unless there is nothing else to write")
}

func TestNotADirectory(t *testing.T) {
	b := newTestDir(t)
	require.NoError(t, unix.Mkfifo(b.path, 0o600))
	for _, err := range []error{
		b.open().View(t.Context(), func(backend.ReadTx) error { return nil }),
		b.open().Update(t.Context(), func(backend.Tx) error { return nil }),
		b.open().Verify(t.Context()),
	} {
		require.ErrorIs(t, err, backend.ErrOtherStore)
		require.ErrorContains(t, err, b.path)
	}
}
