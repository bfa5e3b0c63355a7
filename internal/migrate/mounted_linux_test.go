package migrate

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/stores"
)

// bind mounts the store at path itself at another path.
func bind(t *testing.T, path string, flags uintptr) (mounted string) {
	t.Helper()
	mounted = filepath.Join(t.TempDir(), "podnet")
	info, err := os.Stat(path)
	require.NoError(t, err)
	if info.IsDir() {
		require.NoError(t, os.Mkdir(mounted, 0o755))
	} else {
		require.NoError(t, os.WriteFile(mounted, nil, 0o600))
	}
	mount(t, path, mounted, "", unix.MS_BIND, "")
	if flags != 0 {
		require.NoError(t, unix.Mount("", mounted, "", unix.MS_BIND|unix.MS_REMOUNT|flags, ""))
	}
	return mounted
}

func put(path, a string) error {
	return stores.Follow(path).Update(context.Background(), func(tx backend.Tx) error {
		return tx.Put(backend.Lease{Addr: addr(a), Owner: backend.Owner{ContainerID: "new", IfName: "eth0"}})
	})
}

// requireReplaced requires that nothing is leased from a store, and that it can still be read
// for a person.
func requireReplaced(t *testing.T, path string, want []backend.Lease) {
	t.Helper()
	require.ErrorIs(t, put(path, "10.0.0.9"), backend.ErrReplaced)
	view := func(s backend.Store) (leases []backend.Lease, err error) {
		err = s.View(t.Context(), func(tx backend.ReadTx) error {
			c, err := backend.ContentOf(tx)
			for l, err := range c.Leases {
				require.NoError(t, err)
				l.Boot = "" // like stateOf
				leases = append(leases, l)
			}
			return err
		})
		return leases, err
	}
	_, err := view(stores.Follow(path))
	require.ErrorIs(t, err, backend.ErrReplaced)
	require.ErrorContains(t, err, path)
	got, err := view(stores.Read(path))
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.ErrorIs(t, stores.Verify(t.Context(), path), backend.ErrReplaced)
	for _, to := range []string{config.Files, config.Bolt} {
		_, err = Run(t.Context(), path, options(to))
		require.ErrorIs(t, err, backend.ErrReplaced)
	}
}

// A store that is mounted elsewhere, before or after it is replaced, is not used any more,
// whatever happens to its network.
func TestReplacedIsRejectedThroughAnotherMount(t *testing.T) {
	for _, kind := range []string{config.Files, config.Bolt} {
		t.Run(kind, func(t *testing.T) {
			path := create(t, kind, sample())
			mounted := bind(t, path, 0)
			require.NoError(t, put(mounted, "10.0.0.8"), "it is still the same store")
			want := stateOf(t, path).leases
			for i := range 4 {
				to := []string{config.Bolt, config.Files}[i%2]
				o := options(to)
				o.Now = now.Add(time.Duration(i) * time.Second)
				r, err := Run(t.Context(), path, o)
				require.NoError(t, err)
				require.NoError(t, r.Unmarked)
				if r.Already {
					continue
				}
				requireReplaced(t, mounted, want)
				later := bind(t, r.Aside, 0)
				require.ErrorIs(t, put(later, "10.0.0.9"), backend.ErrReplaced)
				require.ErrorIs(t, put(r.Aside, "10.0.0.9"), backend.ErrReplaced, "at the path of the backup")
				require.NoError(t, stores.Verify(t.Context(), path))
			}
			require.NoError(t, put(path, "10.0.0.9"))
		})
	}
}

func TestReplacedIsRejectedThroughAReadOnlyMount(t *testing.T) {
	for kind, to := range map[string]string{config.Files: config.Bolt, config.Bolt: config.Files} {
		path := create(t, kind, sample())
		mounted := bind(t, path, unix.MS_RDONLY)
		require.Equal(t, sample(), stateOf(t, mounted))
		_, err := Run(t.Context(), path, options(to))
		require.NoError(t, err)
		require.Error(t, put(mounted, "10.0.0.9"))
		require.ErrorIs(t, stores.Verify(t.Context(), mounted), backend.ErrReplaced)
	}
}

func TestRepairedIsRejectedThroughAnotherMount(t *testing.T) {
	path := create(t, config.Bolt, sample())
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(make([]byte, os.Getpagesize()), 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	mounted := bind(t, path, 0)
	o := RepairOptions{LockTimeout: time.Minute, Now: now, AcceptLoss: true}
	done, err := Repair(t.Context(), path, o)
	require.NoError(t, err)
	require.NoError(t, done.Unmarked)
	require.Equal(t, 3, done.Leases)
	require.ErrorIs(t, put(mounted, "10.0.0.9"), backend.ErrReplaced)
	_, err = Repair(t.Context(), mounted, o)
	require.ErrorIs(t, err, backend.ErrReplaced)
	require.NoError(t, put(path, "10.0.0.9"))
}

// A process that waits for the lock of a store through another mount gets it after the store
// has been replaced.
func TestReplacedIsRejectedAfterAWait(t *testing.T) {
	for kind, to := range map[string]string{config.Files: config.Bolt, config.Bolt: config.Files} {
		path := create(t, kind, sample())
		mounted := bind(t, path, 0)
		waited := make(chan error, 1)
		o := options(to)
		o.Progress = func(leases, _ int) {
			if leases == 1 { // The lock is held.
				go func() { waited <- put(mounted, "10.0.0.9") }()
				time.Sleep(50 * time.Millisecond) // by now it most likely waits
			}
		}
		_, err := Run(t.Context(), path, o)
		require.NoError(t, err)
		require.ErrorIs(t, <-waited, backend.ErrReplaced)
		require.Equal(t, sample(), stateOf(t, path))
	}
}

// A network whose directory or file is a mount point cannot be migrated, because the kernel
// does not rename it. It stays in use.
func TestRunOnAMountedNetwork(t *testing.T) {
	for kind, to := range map[string]string{config.Files: config.Bolt, config.Bolt: config.Files} {
		mounted := bind(t, create(t, kind, sample()), 0)
		o := options(to)
		o.DryRun = true
		_, err := Run(t.Context(), mounted, o)
		require.ErrorContains(t, err, "something is mounted at "+mounted+" itself")
		_, err = Run(t.Context(), mounted, options(to))
		require.ErrorContains(t, err, "something is mounted at "+mounted+" itself")
		require.True(t, errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV), "%v", err)
		require.Empty(t, backups(t, mounted))
		require.Equal(t, sample(), stateOf(t, mounted))
		require.NoError(t, put(mounted, "10.0.0.9"))
	}
}

// If .leasehold is a separate mount, no store can be moved into place.
func TestRunWithAMountedDirectory(t *testing.T) {
	for kind, to := range map[string]string{config.Files: config.Bolt, config.Bolt: config.Files} {
		path := create(t, kind, sample())
		place := exchange.At(path)
		require.NoError(t, place.MakeDir())
		mount(t, t.TempDir(), place.Dir(), "", unix.MS_BIND, "")
		_, err := Run(t.Context(), path, options(to))
		require.ErrorContains(t, err, place.Dir()+" must not be a mount of its own")
		require.Empty(t, backups(t, path))
		require.Equal(t, sample(), stateOf(t, path))
		require.NoError(t, put(path, "10.0.0.9"))
	}
}
