//go:build unix

package exchange

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A FIFO in the place of a lock makes no one wait, and a symbolic link leads nowhere.
func TestOpenRegular(t *testing.T) {
	dir := t.TempDir()
	fifo, link, target := filepath.Join(dir, "fifo"), filepath.Join(dir, "link"), filepath.Join(dir, "target")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	require.NoError(t, os.Symlink(target, link))
	for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREATE} {
		_, err := openRegular(fifo, flag, 0o600)
		require.ErrorContains(t, err, "fifo: it is not a regular file; remove it")
		_, err = openRegular(link, flag, 0o600)
		require.ErrorContains(t, err, "link: it is a symbolic link, which is not followed: remove it")
	}
	require.NoFileExists(t, target)
}
