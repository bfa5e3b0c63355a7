package mounts

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/migrate"
	"github.com/leasehold/leasehold/internal/stores"
)

// paths returns a network at two paths that do not share its lock: both through FUSE, or
// one directly.
func paths(t *testing.T, migrateThroughFUSE, leaseThroughFUSE bool) (migrated, leased faulttest.Network) {
	below := t.TempDir()
	through := func(fuse bool) faulttest.Network {
		dir := below
		if fuse {
			dir = t.TempDir()
			faulttest.Bindfs(t, below, dir)
		}
		return faulttest.Network{Dir: dir, Size: 50, Program: faulttest.Shared(t).HostLocal}
	}
	return through(migrateThroughFUSE), through(leaseThroughFUSE)
}

func forEachPair(t *testing.T, test func(t *testing.T, migrated, leased faulttest.Network)) {
	for _, o := range []struct{ migrate, lease bool }{{true, true}, {true, false}, {false, true}} {
		t.Run(fmt.Sprintf("migrate through FUSE %v, lease %v", o.migrate, o.lease), func(t *testing.T) {
			migrated, leased := paths(t, o.migrate, o.lease)
			test(t, migrated, leased)
		})
	}
}

func options(to string) migrate.Options {
	return migrate.Options{To: to, LockTimeout: time.Minute, Now: time.Now()}
}

// A migration gives up if leases change through another mount after it has read them and
// before it exchanges the stores.
func TestMigrationSeesAnotherMount(t *testing.T) {
	for from, to := range map[string]string{config.Files: config.Bolt, config.Bolt: config.Files} {
		for _, command := range []string{"ADD", "DEL", "renew"} {
			t.Run(from+" "+command, func(t *testing.T) {
				forEachPair(t, func(t *testing.T, migrated, leased faulttest.Network) {
					migrated.Backend = from
					held := faulttest.Holding{}
					for _, id := range []string{"a", "b"} {
						addrs, err := migrated.Add(id)
						require.NoError(t, err)
						held[id] = addrs
					}
					migrated.Backend = ""
					o := options(to)
					var once sync.Once
					o.Progress = func(int, int) {
						once.Do(func() { held = change(t, leased, command, held) })
					}
					_, err := migrate.Run(t.Context(), migrated.Path(), o)
					changed := (*exchange.ChangedError)(nil)
					require.ErrorAs(t, err, &changed)
					kind, err := stores.KindAt(leased.Path())
					require.NoError(t, err)
					require.Equal(t, from, kind)
					h, err := migrated.Verify(t.Context())
					require.NoError(t, err)
					require.Equal(t, held, h)
					entries, err := filepath.Glob(filepath.Join(migrated.Dir, ".leasehold", "*.new-*"))
					require.NoError(t, err)
					require.Empty(t, entries)

					_, err = migrate.Run(t.Context(), migrated.Path(), options(to))
					require.NoError(t, err, "the mark was taken away, and nothing is in the way")
					h, err = migrated.Verify(t.Context())
					require.NoError(t, err)
					require.Equal(t, held, h)
				})
			})
		}
	}
}

// change leases, releases or renews an address, and returns the new holding.
func change(t *testing.T, n faulttest.Network, command string, held faulttest.Holding) faulttest.Holding {
	switch command {
	case "ADD":
		addrs, err := n.Add("meanwhile")
		require.NoError(t, err)
		held["meanwhile"] = addrs
	case "DEL":
		require.NoError(t, n.Del("a"))
		delete(held, "a")
	default:
		addrs, err := n.With("onDuplicate", "return").Add("a")
		require.NoError(t, err)
		require.Equal(t, held["a"], addrs)
	}
	return held
}

// fuseCacheTime is longer than libfuse lets the kernel keep attributes and names: one second,
// unless a file system says otherwise, and bindfs does not.
const fuseCacheTime = 1500 * time.Millisecond

// Containers are added through one mount while the network is migrated through another.
// Every answered address is leased in the end, once.
func TestMigrationsBesideAnotherMount(t *testing.T) {
	forEachPair(t, func(t *testing.T, migrated, leased faulttest.Network) {
		a := answers{held: faulttest.Holding{}, holder: map[netip.Addr]string{}}
		adds := 40
		if faulttest.Exhaustive() {
			adds, leased.Size, migrated.Size = 180, 190, 190
		}
		_, err := leased.Add("first")
		require.NoError(t, err)
		require.NoError(t, leased.Del("first"))
		done := make(chan struct{})
		go func() { defer close(done); a.tryAdds(leased, adds) }()
		gaveUp := 0
		for {
			_, err := migrate.Run(t.Context(), migrated.Path(), options(config.Bolt))
			if changed := (*exchange.ChangedError)(nil); !errors.As(err, &changed) {
				require.NoError(t, err)
				break
			}
			gaveUp++
		}
		// Two mounts can damage a bolt store, so the ADDs must end before it is used through this
		// mount, and the size of the file that the kernel keeps for a FUSE mount must have expired.
		<-done
		time.Sleep(fuseCacheTime)
		require.Empty(t, a.errs)
		require.NotEmpty(t, a.held)
		h, err := migrated.Verify(t.Context())
		require.NoError(t, err)
		for id, addrs := range a.held {
			require.Equal(t, addrs, h[id])
		}
		t.Logf("%d ADDs succeeded, %d failed; %d migrations gave up", len(a.held), a.failed.Load(), gaveUp)
		_, err = migrate.Run(t.Context(), migrated.Path(), options(config.Files))
		require.NoError(t, err)
		require.NoError(t, migrated.Exercise(t.Context()))
	})
}

// tryAdds adds containers, and goes on for a while if no ADD succeeds. An ADD can fail with
// any error: for a second, FUSE shows names as they were before a change through another mount.
func (a *answers) tryAdds(n faulttest.Network, adds int) {
	began := time.Now()
	for i := 0; i < adds || len(a.held) == 0 && time.Since(began) < 20*time.Second; i++ {
		id := fmt.Sprint("c-", i)
		addrs, err := n.Add(id)
		if err != nil {
			a.failed.Add(1)
			continue
		}
		a.record(id, addrs, nil)
	}
}
