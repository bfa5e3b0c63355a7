package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/exchange"
)

// The advice for a permission error names the owner of the file or, if it does not exist, of
// the nearest directory above it.
func TestPermissionAdvice(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "podnet")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	denied := func(path string) error {
		return fmt.Errorf("podnet: %w", &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission})
	}
	require.Regexp(t, "^run it as root; "+file+" belongs to .+ \\(-rw-------\\)$", permission(denied(file), 1000))
	require.Contains(t, permission(denied(filepath.Join(dir, "new", "one")), 1000), "run it as root; "+dir+" belongs to ")
	require.Equal(t, "run it as root", permission(fs.ErrPermission, 1000))
	require.Contains(t, permission(denied(file), 0), "root lacks permission too")
}

// A wait that was interrupted is not reported as a timeout.
func TestInterruptedWait(t *testing.T) {
	var errs bytes.Buffer
	tool := tool{errs: &errs}
	busy := fmt.Errorf("podnet/lock: %w (%w)", backend.ErrBusy, context.Canceled)
	tool.printError(tool.inNetwork(network{name: "podnet"}, busy))
	require.Equal(t, "leasehold: podnet: interrupted\n", errs.String())
}

// The errors of the file system of a store have a next step, as the plugin's do. Others, as of a list
// that cannot be read, need not be of that file system.
func TestDiskAdvice(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "podnet")
	for cause, want := range map[error]string{
		syscall.EIO:          "the kernel log says why the disk failed; to see what can be read of the store, run: leasehold --data-dir " + dir + " verify podnet",
		syscall.ESTALE:       "the file server has lost the file or its directory: try again, and if that fails too, mount the file system again",
		syscall.EROFS:        "mount the file system for writing; if it became read-only by itself, the kernel log says why",
		syscall.EMFILE:       "raise the limit on open files of this process (ulimit -n; LimitNOFILE in the unit of the runtime)",
		syscall.ENAMETOOLONG: "choose a shorter name for the network: it becomes a file name, which can have 255 bytes",
		syscall.EFBIG:        "raise the file size limit of this process (ulimit -f; LimitFSIZE in the unit of the runtime)",
		backend.ErrNoSpace:   "free space, or inodes, on the file system of the data directory",
	} {
		tool := tool{dataDirFlag: []string{dir}}
		err := error(&fs.PathError{Op: "read", Path: path, Err: cause})
		require.Empty(t, tool.advice(err), cause)
		require.Equal(t, want, tool.advice(tool.inNetwork(network{name: "podnet", path: path}, err)), cause)
	}
}

// Errors that are not about networks stay together, and each advice is printed once.
func TestPrintError(t *testing.T) {
	var errs bytes.Buffer
	tool := tool{errs: &errs}
	a, b := network{name: "a", path: "dir/a"}, network{name: "b", path: "dir/b"}
	tool.printError(errors.Join(
		errors.Join(tool.inNetwork(a, backend.ErrFormat), tool.inNetwork(b, backend.ErrFormat)),
		fmt.Errorf("at %s: %w", "last", errors.Join(errors.New("one"), errors.New("two"))),
	))
	require.Equal(t, `leasehold: a: unknown store format
next: use the version of leasehold that wrote the store, or a later one
leasehold: b: unknown store format
leasehold: at last: one
two
`, errs.String())
}

// A change through another mount that shares no lock is not reported as a timeout.
func TestErrorsOfAnotherMount(t *testing.T) {
	var errs bytes.Buffer
	tool := tool{errs: &errs}
	n := network{name: "podnet", path: "dir/podnet"}
	tool.printError(errors.Join(
		tool.inNetwork(n, fmt.Errorf("dir/podnet: %w", exchange.ErrUnderway)),
		tool.inNetwork(n, &exchange.ChangedError{Path: "dir/podnet"}),
	))
	require.Equal(t, `leasehold: podnet: dir/podnet: store is locked: a migration or repair is using the store under another lock; on this file system a lock can be known to one mount only
next: run the same command again when the migration is done
leasehold: podnet: dir/podnet was changed while it was locked, by a process that does not share its lock; nothing was moved
next: let all plugins use the same mount of the network, or stop the runtimes that use another mount (FUSE); then run the same command again
`, errs.String())
}
