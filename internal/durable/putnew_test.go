package durable

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever the file system has, what has a name keeps it.
func TestPutNew(t *testing.T) {
	for name, put := range map[string]func(path, to string) error{"rename": PutNew, "link": putByLink} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file, directory := filepath.Join(dir, "file"), filepath.Join(dir, "directory")
			fill := func() {
				require.NoError(t, os.WriteFile(file, []byte("new"), 0o600))
				require.NoError(t, os.MkdirAll(directory, 0o755))
			}
			taken := filepath.Join(dir, "taken")
			require.NoError(t, os.WriteFile(taken, []byte("old"), 0o600))
			full := filepath.Join(dir, "full")
			require.NoError(t, os.MkdirAll(filepath.Join(full, "in it"), 0o755))
			fill()
			for _, from := range []string{file, directory} {
				for _, to := range []string{taken, full} {
					require.ErrorIs(t, put(from, to), fs.ErrExist)
				}
				_, err := os.Lstat(from)
				require.NoError(t, err)
				to := filepath.Join(dir, "free-"+filepath.Base(from))
				require.NoError(t, put(from, to))
				_, err = os.Lstat(to)
				require.NoError(t, err)
				_, err = os.Lstat(from)
				require.ErrorIs(t, err, fs.ErrNotExist)
				require.ErrorIs(t, put(from, to), fs.ErrNotExist)
			}
		})
	}
}

// Of many that want a name, one gets it.
func TestPutNewOnce(t *testing.T) {
	for range 50 {
		dir := t.TempDir()
		var all sync.WaitGroup
		var put atomic.Int32
		for i := range 4 {
			path := filepath.Join(dir, string(rune('a'+i)))
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			all.Go(func() {
				if err := putByLink(path, filepath.Join(dir, "to")); err == nil {
					put.Add(1)
				} else {
					assert.ErrorIs(t, err, fs.ErrExist)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, put.Load())
	}
}
