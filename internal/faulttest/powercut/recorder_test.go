//go:build linux

package powercut

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// newTestRecorder returns a recorder of a directory with one file, a.
func newTestRecorder(t *testing.T) *recorder {
	dir := t.TempDir()
	root, vault := filepath.Join(dir, "root"), filepath.Join(dir, "vault")
	require.NoError(t, os.Mkdir(root, 0o755))
	require.NoError(t, os.Mkdir(vault, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "a"), []byte("x"), 0o600))
	r, err := newRecorder(faulttest.Network{}, faulttest.Programs{}, root, vault)
	require.NoError(t, err)
	require.NoError(t, r.compare())
	return r
}

func TestRecorderRejectsCallsOutsideTheModel(t *testing.T) {
	for _, c := range []ptracer.Call{
		{Name: "mmap", Prot: unix.PROT_READ | unix.PROT_WRITE, Flags: unix.MAP_SHARED},
		{Name: "fallocate", Flags: unix.FALLOC_FL_PUNCH_HOLE},
		{Name: "openat", Flags: unix.O_TMPFILE | unix.O_RDWR},
		{Name: "copy_file_range"},
		{Name: "symlinkat"},
		{Name: "pwrite64", Result: 1},
		{Name: "renameat", To: "/elsewhere"},
		{Name: "openat", Path: "/not-recorded"},
	} {
		r := newTestRecorder(t)
		c.Path = filepath.Join(r.root, "a") + c.Path
		r.record(&c)
		require.Error(t, r.err, "%+v", c)
	}
}

func TestRecorderIgnoresCallsWithoutEffect(t *testing.T) {
	r := newTestRecorder(t)
	events := len(r.history)
	for _, c := range []ptracer.Call{
		{Name: "mmap", Prot: unix.PROT_READ, Flags: unix.MAP_SHARED},
		{Name: "mmap", Prot: unix.PROT_READ | unix.PROT_WRITE, Flags: unix.MAP_PRIVATE},
		{Name: "fallocate", Flags: unix.FALLOC_FL_KEEP_SIZE},
		{Name: "openat", Flags: syscall.O_CREAT | syscall.O_RDWR},
		{Name: "pwrite64", Path: " (deleted)"},
		{Name: "write", Path: "/../../elsewhere"},
	} {
		c.Path = filepath.Join(r.root, "a") + c.Path
		r.record(&c)
		require.NoError(t, r.err, "%+v", c)
	}
	require.Len(t, r.history, events)
}

func TestRecorderDetectsMissedChanges(t *testing.T) {
	for name, change := range map[string]func(at string) error{
		"a write":    func(at string) error { return os.WriteFile(at, []byte("y"), 0o600) },
		"a removal":  os.Remove,
		"a new name": func(at string) error { return os.Link(at, at+"b") },
	} {
		t.Run(name, func(t *testing.T) {
			r := newTestRecorder(t)
			require.NoError(t, change(filepath.Join(r.root, "a")))
			require.Error(t, r.compare())
		})
	}
}

// The journal of the files store identifies files by inode.
func TestImagesKeepInodes(t *testing.T) {
	r := newTestRecorder(t)
	seen, err := os.Stat(filepath.Join(r.root, "a"))
	require.NoError(t, err)
	r.append(text("a", 0, "changed"), rename{"a", "b"})
	require.NoError(t, r.err)
	for _, kept := range []bool{false, true} {
		at := filepath.Join(t.TempDir(), "image")
		i := r.now.disk.imageAfter(&cut{piece: page, keeps: func(int) bool { return kept }})
		require.NoError(t, i.create(at, r.vault))
		name, want := "a", "x"
		if kept {
			name, want = "b", "changed"
		}
		got, err := os.Stat(filepath.Join(at, name))
		require.NoError(t, err)
		require.True(t, os.SameFile(seen, got))
		if !kept {
			require.Equal(t, seen.ModTime(), got.ModTime())
		}
		data, err := os.ReadFile(filepath.Join(at, name))
		require.NoError(t, err)
		require.Equal(t, want, string(data))
	}
}
