package stores_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/stores"
)

// A waitingNetwork has a store that waits for the place, because a migration was killed after
// the old store had left.
type waitingNetwork struct {
	path, backup, next string
}

func newWaitingNetwork(t *testing.T, kind string) waitingNetwork {
	w := waitingNetwork{path: filepath.Join(t.TempDir(), "net")}
	require.NoError(t, exchange.At(w.path).MakeDir())
	w.backup = exchange.At(w.path).BackupPath("migration", time.Now())
	w.next = w.backup + ".next"
	fill(t, w.next, kind, "10.0.0.1")
	return w
}

var ctx = context.Background()

func mark(t *testing.T, path string) {
	require.NoError(t, os.Chmod(path, 0o400|os.ModeSetgid))
}

func update(path, addr string) error {
	s, _, err := stores.Open(path, stores.None)
	if err != nil {
		return err
	}
	return s.Update(ctx, put(addr))
}

// Remains of the old store in the place, or a new empty one, give way to the waiting store, in
// an Update and in a View.
func TestGivesWay(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a marked file has no write permission: only root can write to it")
	}
	for name, leave := range map[string]func(t *testing.T, w waitingNetwork){
		"nothing":               func(*testing.T, waitingNetwork) {},
		"an empty directory":    func(t *testing.T, w waitingNetwork) { require.NoError(t, os.Mkdir(w.path, 0o755)) },
		"a directory just made": func(t *testing.T, w waitingNetwork) { makeDir(t, w.path, "lock") },
		"half of the old one": func(t *testing.T, w waitingNetwork) {
			makeDir(t, w.path, "lock", "10.0.0.7")
			mark(t, filepath.Join(w.path, "lock"))
		},
		"the old one": func(t *testing.T, w waitingNetwork) {
			require.NoError(t, os.Remove(w.backup))
			fill(t, w.path, config.Bolt, "10.0.0.7")
			mark(t, w.path)
			require.NoError(t, os.Link(w.path, w.backup))
		},
	} {
		for _, kind := range []string{config.Files, config.Bolt} {
			t.Run(name+", "+kind, func(t *testing.T) {
				for _, write := range []bool{true, false} {
					w := newWaitingNetwork(t, kind)
					require.NoError(t, os.WriteFile(w.backup, nil, 0o600))
					leave(t, w)
					if write {
						require.NoError(t, update(w.path, "10.0.0.2"))
						require.Equal(t, []string{"10.0.0.1", "10.0.0.2"}, leases(t, w.path))
					} else {
						require.Equal(t, []string{"10.0.0.1"}, leases(t, w.path))
					}
					require.NoFileExists(t, w.next)
					require.NoDirExists(t, w.next)
					existing, err := stores.KindAt(w.path)
					require.NoError(t, err)
					require.Equal(t, kind, existing)
				}
			})
		}
	}
}

func makeDir(t *testing.T, dir string, names ...string) {
	require.NoError(t, os.Mkdir(dir, 0o755))
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("c\r\neth0"), 0o600))
	}
}

// A directory in which another program has leased stays, and no more addresses are leased from
// it.
func TestDoesNotGiveWay(t *testing.T) {
	w := newWaitingNetwork(t, config.Bolt)
	makeDir(t, w.backup, "lock")
	makeDir(t, w.path, "lock", "10.0.0.7")
	require.ErrorContains(t, update(w.path, "10.0.0.2"), w.path+" was made by a program that does not know of "+w.next)
	require.FileExists(t, filepath.Join(w.path, "10.0.0.7"))
	require.FileExists(t, w.next)
}

// A new store is removed if another one comes to wait for the place while it is made.
func TestMadeWhileAnotherWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net")
	backup := exchange.At(path).BackupPath("migration", time.Now())
	err := bolt.Open(path).Update(ctx, func(tx backend.Tx) error {
		require.NoError(t, exchange.At(path).MakeDir())
		makeDir(t, backup, "lock")
		fill(t, backup+".next", config.Files, "10.0.0.1")
		return put("10.0.0.2")(tx)
	})
	require.ErrorIs(t, err, backend.ErrBusy)
	require.NoFileExists(t, path)
	require.Equal(t, []string{"10.0.0.1"}, leases(t, path))
}

// A new store does not replace one that was put in the place while it was made.
func TestMadeWhileAnotherComes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net")
	err := bolt.Open(path).Update(ctx, func(tx backend.Tx) error {
		fill(t, path+"-import", config.Bolt, "10.0.0.1")
		require.NoError(t, os.Rename(path+"-import", path))
		return put("10.0.0.2")(tx)
	})
	require.Error(t, err)
	require.Equal(t, []string{"10.0.0.1"}, leases(t, path))
}

// A store opened with Existing is not created.
func TestExisting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net")
	for _, s := range []backend.Store{files.Open(path, files.Existing()), bolt.Open(path, bolt.Existing())} {
		require.ErrorIs(t, s.Update(ctx, put("10.0.0.1")), os.ErrNotExist)
		require.NoFileExists(t, path)
		require.NoDirExists(t, path)
	}
}
