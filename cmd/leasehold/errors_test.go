package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/exchange"
)

// Who may not do something is told whose it is; where nothing is there yet, that is the
// directory.
func TestPermission(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "podnet")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	denied := func(path string) error {
		return fmt.Errorf("podnet: %w", &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission})
	}
	require.Regexp(t, "^run it as root; "+file+" belongs to .+ \\(-rw-------\\)$", permission(denied(file), 1000))
	require.Contains(t, permission(denied(filepath.Join(dir, "new", "one")), 1000), "run it as root; "+dir+" belongs to ")
	require.Equal(t, "run it as root", permission(fs.ErrPermission, 1000))
	require.Contains(t, permission(denied(file), 0), "not even root may")
}

// A wait that somebody has ended is not one that took too long.
func TestInterruptedWait(t *testing.T) {
	var errs bytes.Buffer
	tool := tool{errs: &errs}
	busy := fmt.Errorf("podnet/lock: %w (%w)", backend.ErrBusy, context.Canceled)
	tool.complain(tool.inNetwork(network{name: "podnet"}, busy))
	require.Equal(t, "leasehold: podnet: interrupted\n", errs.String())
}

// Errors that are not about networks stay together, and an advice is given once.
func TestComplain(t *testing.T) {
	var errs bytes.Buffer
	tool := tool{errs: &errs}
	a, b := network{name: "a", path: "dir/a"}, network{name: "b", path: "dir/b"}
	tool.complain(errors.Join(
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

// What another mount has done that shares no lock is not called a wait.
func TestAnotherMount(t *testing.T) {
	var errs bytes.Buffer
	tool := tool{errs: &errs}
	n := network{name: "podnet", path: "dir/podnet"}
	tool.complain(errors.Join(
		tool.inNetwork(n, fmt.Errorf("dir/podnet: %w", exchange.ErrUnderway)),
		tool.inNetwork(n, &exchange.ChangedError{Path: "dir/podnet"}),
	))
	require.Equal(t, `leasehold: podnet: dir/podnet: store is locked: a migration or repair is using the store under another lock; on this file system a lock can be known to one mount only
next: the same command again, once the migration is done
leasehold: podnet: dir/podnet was changed while it was locked, by a process that does not share its lock; nothing was moved
next: let all plugins reach the network by one mount, or stop the runtimes that use another (FUSE) meanwhile; then the same command again
`, errs.String())
}
