package realcut

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/durable"
)

// The other tests rely on this: a cut loses unsynced data, and nothing else.
func TestCutLosesUnsyncedData(t *testing.T) {
	for _, kind := range fileSystems() {
		t.Run(kind, func(t *testing.T) {
			d := newDisk(t, kind)
			for range 3 {
				in := func(name string) string { return filepath.Join(d.dir, name) }
				synced, inPlace, lost := in("synced"), in("in place"), in("lost")
				require.NoError(t, writeDurably(synced, "synced"))
				require.NoError(t, writeDurably(inPlace, "in place"))
				require.NoError(t, os.WriteFile(lost, []byte("lost"), 0o600))
				require.NoError(t, os.WriteFile(inPlace, []byte("overwritten"), 0o600))
				require.NoError(t, os.Rename(synced, synced+" and renamed"))
				d.cut()
				require.Error(t, writeDurably(lost, "too late"))
				d.restore()

				require.NoFileExists(t, lost)
				require.NoFileExists(t, synced+" and renamed")
				for _, path := range []string{synced, inPlace} {
					text, err := os.ReadFile(path)
					require.NoError(t, err)
					require.Equal(t, filepath.Base(path), string(text))
				}
			}
		})
	}
}

// writeDurably writes a file, and syncs it and its directory.
func writeDurably(path, text string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close(), durable.SyncDir(filepath.Dir(path)))
}

// Nothing may be acknowledged after the cut. On xfs, fsync(2) of a directory alone would
// succeed.
func TestDirectorySyncFailsAfterCut(t *testing.T) {
	for _, kind := range fileSystems() {
		t.Run(kind, func(t *testing.T) {
			d := newDisk(t, kind)
			path := filepath.Join(d.dir, "file")
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			require.NoError(t, durable.SyncDir(d.dir))
			dir, err := os.Open(d.dir)
			require.NoError(t, err)
			defer dir.Close()
			require.NoError(t, os.Rename(path, path+"-renamed"))
			d.cut()
			require.Error(t, durable.SyncOpenDir(dir))
			require.NoError(t, dir.Close())
			d.restore()
			require.FileExists(t, path)
		})
	}
}

// The loop devices are freed with the mounts.
func TestNothingIsLeftBehind(t *testing.T) {
	for _, kind := range fileSystems() {
		var image string
		t.Run(kind, func(t *testing.T) {
			image = newDisk(t, kind).image.Path
			require.True(t, isBacking(t, image))
		})
		if image == "" {
			continue // skipped: every device would match
		}
		gone := func() bool { return !isBacking(t, image) }
		require.Eventually(t, gone, time.Minute, time.Millisecond, "the kernel frees the device later")
	}
}

// isBacking reports whether a loop device uses the file that was created at path. The path
// may no longer be reachable.
func isBacking(t *testing.T, path string) bool {
	devices, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	require.NoError(t, err)
	return slices.ContainsFunc(devices, func(device string) bool {
		text, err := os.ReadFile(device)
		return err == nil && strings.Contains(string(text), filepath.Base(path))
	})
}
