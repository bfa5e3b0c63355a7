package migrate

import (
	"context"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/dump"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/stores"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func options(to string) Options {
	return Options{To: to, LockTimeout: time.Minute, Now: now, Present: boot.Current()}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// A state is the content of a store.
type state struct {
	leases  []backend.Lease
	cursors map[string]netip.Addr
}

func stateOf(t require.TestingT, path string) (s state) {
	require.NoError(t, stores.Follow(path).View(context.Background(), func(tx backend.ReadTx) error {
		c, err := backend.ContentOf(tx)
		require.NoError(t, err)
		for l, err := range c.Leases {
			require.NoError(t, err)
			if l.Boot == boot.Current().ID {
				l.Boot = "" // Every lease file made just now has this boot.
			}
			s.leases = append(s.leases, l)
		}
		s.cursors = c.Cursors
		return nil
	}))
	return s
}

func (s state) content() backend.Content {
	return backend.Content{Leases: sequence(s.leases), Cursors: s.cursors}
}

// sample has one lease of each form.
func sample() state {
	return state{
		leases: []backend.Lease{
			{Addr: addr("10.0.0.2"), Owner: backend.Owner{ContainerID: "c1", IfName: "eth0"}, Since: now.Add(-time.Hour)},
			{Addr: addr("10.0.0.3"), Owner: backend.Owner{ContainerID: "of-2015"}, Since: now.Add(-time.Minute)},
			{Addr: addr("fd00::2"), Owner: backend.Owner{ContainerID: "c1", IfName: "eth0"}, Since: now.Add(-time.Hour)},
		},
		cursors: map[string]netip.Addr{"0": addr("10.0.0.3"), "1": addr("fd00::2")},
	}
}

func create(t require.TestingT, kind string, s state) (path string) {
	dir, err := os.MkdirTemp("", "migrate")
	require.NoError(t, err)
	t.(interface{ Cleanup(func()) }).Cleanup(func() { os.RemoveAll(dir) })
	path = filepath.Join(dir, "podnet")
	require.NoError(t, stores.Create(path, kind, s.content()))
	return path
}

func requireKind(t require.TestingT, want, path string) {
	kind, err := stores.KindAt(path)
	require.NoError(t, err)
	require.Equal(t, want, kind)
}

// backups lists the files beside the stores.
func backups(t *testing.T, path string) (names []string) {
	entries, err := os.ReadDir(exchange.At(path).Dir())
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	for _, e := range entries {
		if e.Name() != "lock" && e.Name() != filepath.Base(path)+".lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestRunAndBack(t *testing.T) {
	path := create(t, config.Files, sample())
	before := stateOf(t, path)

	r, err := Run(t.Context(), path, options(config.Bolt))
	require.NoError(t, err)
	requireKind(t, config.Bolt, path)
	require.Equal(t, before, stateOf(t, path))
	require.Equal(t, 3, r.Leases)
	require.Equal(t, 2, r.Cursors)
	require.Len(t, r.Digest, 64)
	require.Zero(t, r.Forgotten)
	require.DirExists(t, r.Aside)
	require.Contains(t, r.Aside, "podnet.before-migration-20260304T050607")

	o := options(config.Files)
	o.Now = now.Add(time.Second)
	back, err := Run(t.Context(), path, o)
	require.NoError(t, err)
	requireKind(t, config.Files, path)
	require.Equal(t, before, stateOf(t, path))
	require.Equal(t, r.Digest, back.Digest)
	require.FileExists(t, back.Aside)
	require.NoError(t, stores.Verify(t.Context(), path))
	require.Len(t, backups(t, path), 2)
}

// Moved leases end with a reboot. A lease dated before this boot has no boot; the boot of the
// last search, at the earliest this one, counts instead. With a marker of an earlier search, a
// lease that was copied here since is of this boot.
func TestRunKeepsTheBoot(t *testing.T) {
	present := boot.Current()
	if present.ID == "" {
		t.Skip("this system does not tell its boots apart")
	}
	for last, want := range map[string]struct{ lease, searched string }{
		"":        {"", present.ID},
		"earlier": {present.ID, "earlier"},
	} {
		path := filepath.Join(t.TempDir(), "podnet")
		c := sample().content()
		c.LastSearch = last
		require.NoError(t, stores.Create(path, config.Files, c))
		o := options(config.Bolt)
		o.Now = time.Now()
		_, err := Run(t.Context(), path, o)
		require.NoError(t, err)
		require.NoError(t, stores.Follow(path).View(t.Context(), func(tx backend.ReadTx) error {
			for l, err := range tx.Leases(netip.Addr{}) {
				require.NoError(t, err)
				require.Equal(t, want.lease, l.Boot)
			}
			searched, err := tx.LastSearch()
			id, _, _ := strings.Cut(searched, " ") // A time may follow.
			require.Equal(t, want.searched, id)
			return err
		}))
		// A plugin in a container, which sees another boot ID, does not end them either.
		if last != "" {
			continue
		}
		view := allocator.New(stores.Follow(path), onePool(t), allocator.Options{
			Boot: allocator.Boot{ID: "view", Started: present.Started}, ReleaseEarlierBoots: true,
		})
		_, err = view.Allocate(t.Context(), allocator.Request{Owner: backend.Owner{ContainerID: "inside", IfName: "eth0"}})
		require.NoError(t, err)
		require.Len(t, stateOf(t, path).leases, len(sample().leases)+1)
	}
}

func onePool(t *testing.T) allocator.Pool {
	r, err := allocator.NewRange(allocator.RangeSpec{Subnet: netip.MustParsePrefix("10.0.0.0/24")})
	require.NoError(t, err)
	s, err := allocator.NewSet(r)
	require.NoError(t, err)
	p, err := allocator.NewPool(s)
	require.NoError(t, err)
	return p
}

// Every field of a lease arrives, as far as the store can hold it, and the export has the rest.
func TestRunLosesNothing(t *testing.T) {
	name := rapid.OneOf(rapid.StringMatching(`[a-z0-9]{1,64}`), rapid.StringMatching(`[!-~]([ -~]{0,30}[!-~])?`), rapid.Just("\xff\xfe"))
	rapid.Check(t, func(t *rapid.T) {
		s := state{cursors: rapid.MapOf(rapid.StringMatching(`[a-z0-9]{1,8}`), rapid.Just(addr("10.0.0.7"))).Draw(t, "cursors")}
		at := addr("10.0.0.0")
		for range rapid.IntRange(0, 20).Draw(t, "leases") {
			at = at.Next()
			l := backend.Lease{Addr: at, Owner: backend.Owner{ContainerID: name.Draw(t, "id")}}
			maybe := func(into *string) {
				if rapid.Bool().Draw(t, "known") {
					*into = name.Draw(t, "name")
				}
			}
			maybe(&l.Owner.IfName)
			maybe(&l.Boot)
			maybe(&l.Pod.Namespace)
			maybe(&l.Netns)
			if rapid.Bool().Draw(t, "timed") {
				l.Since = time.Unix(rapid.Int64Range(1, 4_000_000_000).Draw(t, "since"), 0).UTC()
			}
			if _, foreign := files.Foreign(l); !foreign {
				s.leases = append(s.leases, l)
			}
		}
		path := create(t, config.Bolt, s)
		before := stateOf(t, path)
		r, err := Run(context.Background(), path, options(config.Files))
		require.NoError(t, err)
		require.Equal(t, fitted(before), stateOf(t, path))
		requireExported(t, before, r)

		o := options(config.Bolt)
		o.Now = now.Add(time.Second)
		_, err = Run(context.Background(), path, o)
		require.NoError(t, err)
		require.Equal(t, fitted(before), stateOf(t, path))
	})
}

func fitted(s state) (kept state) {
	kept.cursors = s.cursors
	for _, l := range s.leases {
		if l.Since.IsZero() {
			l.Since = now
		}
		kept.leases = append(kept.leases, backend.Lease{Addr: l.Addr, Owner: l.Owner, Since: l.Since})
	}
	return kept
}

func requireExported(t *rapid.T, before state, r Report) {
	lossy := 0
	for i, l := range fitted(before).leases {
		if l != before.leases[i] {
			lossy++
		}
	}
	require.Equal(t, lossy, r.Forgotten.Leases)
	if lossy == 0 {
		require.Empty(t, r.Export)
		return
	}
	f, err := os.Open(r.Export)
	require.NoError(t, err)
	defer f.Close()
	n, err := dump.NewReader(f).Next()
	require.NoError(t, err)
	var exported []backend.Lease
	for l, err := range n.Leases {
		require.NoError(t, err)
		exported = append(exported, l)
	}
	require.Equal(t, before.leases, exported)
}

func TestRunWithDryRun(t *testing.T) {
	path := create(t, config.Bolt, sample())
	o := options(config.Files)
	o.DryRun = true
	r, err := Run(t.Context(), path, o)
	require.NoError(t, err)
	require.Equal(t, 3, r.Leases)
	require.Empty(t, r.Aside)
	requireKind(t, config.Bolt, path)
	require.Empty(t, backups(t, path))
}

func TestRunToTheSameKind(t *testing.T) {
	path := create(t, config.Bolt, sample())
	r, err := Run(t.Context(), path, options(config.Bolt))
	require.NoError(t, err)
	require.True(t, r.Already)
	require.Equal(t, 3, r.Leases)
	require.Empty(t, backups(t, path))
}

func TestRunWithoutStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "podnet")
	_, err := Run(t.Context(), path, options(config.Bolt))
	require.ErrorIs(t, err, fs.ErrNotExist)
	requireKind(t, stores.None, path)
}

func TestRunLeavesTornLeasesBehind(t *testing.T) {
	path := create(t, config.Files, sample())
	require.NoError(t, os.WriteFile(filepath.Join(path, "10.0.0.9"), nil, 0o600))
	r, err := Run(t.Context(), path, options(config.Bolt))
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{addr("10.0.0.9")}, r.Torn)
	require.Equal(t, 3, r.Leases)
	require.Len(t, stateOf(t, path).leases, 3)
}

// A migration that is rejected or stopped changes nothing.
func TestRunThatFailsChangesNothing(t *testing.T) {
	stopped, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	for name, c := range map[string]struct {
		ctx     context.Context
		prepare func(path string)
		want    string
	}{
		"directory": {t.Context(), func(path string) {
			require.NoError(t, os.Mkdir(filepath.Join(path, "10.0.0.9"), 0o755))
		}, "/10.0.0.9: is a directory, which no plugin makes: move it out of the store"},
		"unrecordable": {t.Context(), func(path string) {
			require.NoError(t, os.WriteFile(filepath.Join(path, "10.0.0.9"), []byte("a\nb"), 0o600))
		}, "10.0.0.9"},
		"stopped": {stopped, func(string) {}, "the migration was stopped"},
	} {
		t.Run(name, func(t *testing.T) {
			path := create(t, config.Files, sample())
			before := stateOf(t, path)
			c.prepare(path)
			o := options(config.Bolt)
			o.Progress = func(leases, total int) {
				require.GreaterOrEqual(t, total, 3)
				if leases == 2 && c.ctx == stopped {
					stop(context.Canceled)
				}
			}
			_, err := Run(c.ctx, path, o)
			require.ErrorContains(t, err, c.want)
			requireKind(t, config.Files, path)
			require.Empty(t, backups(t, path))
			require.NoError(t, ignoreNotExist(os.RemoveAll(filepath.Join(path, "10.0.0.9"))))
			require.Equal(t, before, stateOf(t, path))
		})
	}
}

func ignoreNotExist(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

func TestRunWaitsForTheLock(t *testing.T) {
	for _, kind := range []string{config.Files, config.Bolt} {
		path := create(t, kind, sample())
		require.NoError(t, stores.Follow(path).Update(t.Context(), func(backend.Tx) error {
			o := options(config.Bolt)
			o.LockTimeout = 10 * time.Millisecond
			_, err := Run(t.Context(), path, o)
			require.ErrorIs(t, err, backend.ErrBusy)
			return nil
		}))
	}
}

// A migration removes what an interrupted one has left, or gives it its name.
func TestRunCleansUp(t *testing.T) {
	path := create(t, config.Files, sample())
	place := exchange.At(path)
	require.NoError(t, place.MakeDir())
	require.NoError(t, os.WriteFile(place.Staged(false, nil), []byte("half a store"), 0o600))
	_, err := Run(t.Context(), path, options(config.Bolt))
	require.NoError(t, err)
	require.Len(t, backups(t, path), 1)

	// The migration was interrupted just after the exchange.
	old := place.BackupPath("migration", now)
	require.NoError(t, os.Rename(old, place.Staged(false, nil)))
	r, err := Run(t.Context(), path, options(config.Bolt))
	require.NoError(t, err)
	require.True(t, r.Already)
	require.Equal(t, old, r.Aside)
	require.DirExists(t, old)

	require.NoError(t, os.Rename(old, place.Staged(false, nil)))
	_, err = Run(t.Context(), path, options(config.Files))
	require.NoError(t, err)
	requireKind(t, config.Files, path)
	require.Equal(t, sample(), stateOf(t, path))
	require.Len(t, backups(t, path), 2)
}

// A store that differs from what was written is not moved into its place.
func TestNewStoreIsCompared(t *testing.T) {
	for _, kind := range []string{config.Files, config.Bolt} {
		path := filepath.Join(t.TempDir(), "podnet")
		unlock, err := lockPlace(t.Context(), exchange.At(path))
		require.NoError(t, err)
		defer unlock()
		s, err := newSuccessor(exchange.At(path), kind, time.Minute)
		require.NoError(t, err)
		require.NoError(t, s.build(sample().content()))
		err = s.putNew(t.Context(), fingerprint{leases: 2})
		require.ErrorContains(t, err, "verification failed: read back 3 leases, 2 cursors")
		requireKind(t, stores.None, path)

		// If it is gone, it is not made again.
		require.NoError(t, s.drop())
		require.ErrorIs(t, s.putNew(t.Context(), fingerprint{}), fs.ErrNotExist)
		require.ErrorIs(t, s.takeOver(t.Context(), fingerprint{}), fs.ErrNotExist)
		require.Empty(t, backups(t, path))
		requireKind(t, stores.None, path)

		// It was changed after it was compared.
		require.NoError(t, s.build(sample().content()))
		require.NoError(t, os.Chtimes(s.staged, now, now))
		want := newFingerprinter()
		for _, l := range sample().leases {
			want.add(l)
		}
		require.ErrorContains(t, s.putNew(t.Context(), want.finish(backend.Content{Cursors: sample().cursors})), "another program changed it meanwhile")
		requireKind(t, stores.None, path)
	}
}

func TestFingerprintCoversEveryField(t *testing.T) {
	full := func() backend.Lease {
		l := sample().leases[0]
		l.Boot, l.Netns, l.Pod = "b", "n", backend.Pod{Namespace: "s", Name: "p"}
		return l
	}
	sumWith := func(change func(*backend.Lease), cursors map[string]netip.Addr) fingerprint {
		l := full()
		change(&l)
		s := newFingerprinter()
		s.add(l)
		return s.finish(backend.Content{Cursors: cursors, Membership: backend.Membership{Space: "pods"}, Blocks: blocks()})
	}
	same := func(*backend.Lease) {}
	want := sumWith(same, sample().cursors)
	require.Equal(t, want, sumWith(same, sample().cursors))
	for name, change := range map[string]func(*backend.Lease){
		"address":      func(l *backend.Lease) { l.Addr = l.Addr.Next() },
		"container ID": func(l *backend.Lease) { l.Owner.ContainerID += "x" },
		"interface":    func(l *backend.Lease) { l.Owner.IfName = "" },
		"shifted":      func(l *backend.Lease) { l.Owner = backend.Owner{ContainerID: "c1e", IfName: "th0"} },
		"time":         func(l *backend.Lease) { l.Since = l.Since.Add(time.Second) },
		"boot":         func(l *backend.Lease) { l.Boot = "c" },
		"pod":          func(l *backend.Lease) { l.Pod = backend.Pod{Namespace: "p", Name: "s"} },
		"netns":        func(l *backend.Lease) { l.Netns = "" },
	} {
		require.NotEqual(t, want, sumWith(change, sample().cursors), name)
	}
	require.NotEqual(t, want, sumWith(same, map[string]netip.Addr{"0": addr("10.0.0.3")}))
	require.NotEqual(t, want, sumWith(same, map[string]netip.Addr{"0": addr("10.0.0.4"), "1": addr("fd00::2")}))
	for name, change := range map[string]func(*backend.Content){
		"membership":     func(c *backend.Content) { c.Membership.Sequence++ },
		"block":          func(c *backend.Content) { c.Blocks[0].Last = addr("10.0.0.8") },
		"state of block": func(c *backend.Content) { c.Blocks[0].State = backend.Closing },
		"mark of block":  func(c *backend.Content) { c.Blocks[0].Mark[0]++ },
	} {
		s, c := newFingerprinter(), backend.Content{Cursors: sample().cursors, Membership: backend.Membership{Space: "pods"}, Blocks: blocks()}
		s.add(full())
		change(&c)
		require.NotEqual(t, want, s.finish(c), name)
	}
}

func halfMade(t *testing.T, path string, isDir bool) {
	if isDir {
		require.NoError(t, os.Mkdir(path, 0o755))
		path = filepath.Join(path, "10.0.0.9")
	}
	require.NoError(t, os.WriteFile(path, []byte("half a store"), 0o600))
}

func TestRunOnALink(t *testing.T) {
	path := create(t, config.Files, sample())
	link := filepath.Join(t.TempDir(), "podnet")
	require.NoError(t, os.Symlink(path, link))
	_, err := Run(t.Context(), link, options(config.Bolt))
	require.ErrorContains(t, err, link+" is a symbolic link to "+path)
	require.Equal(t, sample(), stateOf(t, link))
}

// Of several concurrent migrations one does the work.
func TestRunTwiceAtOnce(t *testing.T) {
	path := create(t, config.Files, sample())
	var all sync.WaitGroup
	var already atomic.Int32
	for range 4 {
		all.Go(func() {
			r, err := Run(t.Context(), path, options(config.Bolt))
			assert.NoError(t, err)
			if r.Already {
				already.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 3, already.Load())
	require.Equal(t, sample(), stateOf(t, path))
}
