package backendtest

import (
	"errors"
	"io/fs"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leasehold/leasehold/backend"
)

// A Create function makes a store with the given content at a path where nothing exists.
type Create = func(path string, c backend.Content) error

// RunCreate tests whether create makes stores like those filled by transactions.
func RunCreate(t *testing.T, o Options, create Create) {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		t.Setenv("TMPDIR", "/dev/shm") // syncs are free there
	}
	t.Run("makes a store that works as if transactions had filled it", func(t *testing.T) {
		dir, runs := t.TempDir(), 0
		rapid.Check(t, func(t *rapid.T) {
			runs++
			p := &pair{Options: o, path: filepath.Join(dir, strconv.Itoa(runs))}
			p.create(t, create)
			p.open(t)
			defer func() { require.NoError(t, p.store.Close()) }()
			p.requireOwned(t)
			for range 3 {
				p.compare(t)
				p.commit(t)
			}
			p.reopenAndCompare(t)
		})
	})
	t.Run("refuses a path where something exists", func(t *testing.T) { createRefuses(t, create) })
	t.Run("leaves nothing behind after an error", func(t *testing.T) { createFails(t, create) })
	t.Run("leaves nothing behind when the content panics", func(t *testing.T) { createPanics(t, create) })
}

// create makes the store and its model from random content.
func (p *pair) create(t *rapid.T, create Create) {
	leases := drawLeases(t)
	p.model = newState()
	for _, set := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"0", "1", "10"}), 0, 3, rapid.ID).Draw(t, "sets") {
		p.model.cursors[set] = anyAddress().Draw(t, "cursor")
	}
	p.model.boot = anyBoot().Draw(t, "boot")
	before := time.Now().Add(-time.Second).Truncate(time.Second) // The clock of the file system may lag.
	require.NoError(t, create(p.path, backend.Content{
		Leases: once(slices.Values(leases)), Cursors: p.model.cursors, LastSearch: p.model.boot,
	}))
	for _, l := range leases {
		if l.Since.IsZero() && !p.KeepsDetails {
			l.Since = p.sinceOf(t, l.Addr)
			require.WithinRange(t, l.Since, before, time.Now())
		}
		p.model.leases[l.Addr] = p.kept(l)
	}
}

// sinceOf returns the time of a lease in the store.
func (p *pair) sinceOf(t *rapid.T, addr netip.Addr) (since time.Time) {
	s, err := p.Open(p.path)
	require.NoError(t, err)
	require.NoError(t, s.View(t.Context(), func(tx backend.ReadTx) error {
		l, err := tx.Lease(addr)
		since = l.Since
		return err
	}))
	require.NoError(t, s.Close())
	return since
}

// requireOwned compares the leases of each owner.
func (p *pair) requireOwned(t *rapid.T) {
	require.NoError(t, p.store.View(t.Context(), func(tx backend.ReadTx) error {
		for _, l := range p.model.leases {
			got, err := tx.OwnedBy(l.Owner)
			require.NoError(t, err)
			requireLeases(t, p.model.ownedBy(l.Owner), got, "owned by %s", l.Owner)
		}
		return nil
	}))
}

// drawLeases draws a variety of leases with ascending addresses.
func drawLeases(t *rapid.T) []backend.Lease {
	addrs := rapid.SliceOfNDistinct(anyAddress(), 0, 20, rapid.ID).Draw(t, "addrs")
	slices.SortFunc(addrs, netip.Addr.Compare)
	var all []backend.Lease
	for _, addr := range addrs {
		all = append(all, backend.Lease{
			Addr:  addr,
			Owner: rapid.SampledFrom(append(randomOwners(), variousOwners()...)).Draw(t, "owner"),
			Since: anyTime().Draw(t, "since"),
			Boot:  anyBoot().Draw(t, "boot"),
			Pod:   rapid.SampledFrom([]backend.Pod{{}, {Namespace: "default", Name: "web-0"}, {Name: "no-namespace"}}).Draw(t, "pod"),
			Netns: rapid.SampledFrom([]string{"", "/proc/1/ns/net", "/var/run/netns/cni-5b2f7c9e-8a51-4cf8-9b43-0f1e6d0c2a77"}).Draw(t, "netns"),
		})
	}
	return all
}

func variousOwners() []backend.Owner {
	long := strings.Repeat("x", backend.MaxNameLen)
	return []backend.Owner{
		{ContainerID: strings.Repeat("0123456789abcdef", 4), IfName: "eth0"},
		{ContainerID: long}, {ContainerID: long, IfName: long}, {ContainerID: "(directory)"}, {ContainerID: "a  b", IfName: "é"},
	}
}

func anyBoot() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"", "one", "two", "5b2f7c9e-8a51-4cf8-9b43-0f1e6d0c2a77"})
}

// anyTime draws times, with and without nanoseconds, and the zero time.
func anyTime() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.IntRange(0, 4).Draw(t, "is unknown") == 0 {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(1, 1<<31-1).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
	})
}

// once yields leases the first time, and an error the second time.
func once(all iter.Seq[backend.Lease]) iter.Seq2[backend.Lease, error] {
	read := false
	return func(yield func(backend.Lease, error) bool) {
		if read {
			yield(backend.Lease{}, errors.New("the leases are read for the second time"))
			return
		}
		read = true
		for l := range all {
			if !yield(l, nil) {
				return
			}
		}
	}
}

func createRefuses(t *testing.T, create Create) {
	c := backend.Content{Leases: once(slices.Values(leased("10.0.0.1")))}
	for what, put := range map[string]func(path string) error{
		"a file":          func(path string) error { return os.WriteFile(path, []byte("text"), 0o644) },
		"an empty file":   func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"a directory":     func(path string) error { return os.Mkdir(path, 0o755) },
		"a symbolic link": func(path string) error { return os.Symlink("nowhere", path) },
	} {
		path := filepath.Join(t.TempDir(), "net")
		require.NoError(t, put(path), what)
		before, err := os.Lstat(path)
		require.NoError(t, err)
		err = create(path, c)
		require.ErrorIs(t, err, fs.ErrExist, what)
		require.ErrorContains(t, err, path)
		after, err := os.Lstat(path)
		require.NoError(t, err)
		require.True(t, os.SameFile(before, after), what)
		require.Equal(t, before.ModTime(), after.ModTime(), what)
		require.Equal(t, before.Size(), after.Size(), what)
		require.Equal(t, []string{"net"}, namesIn(t, filepath.Dir(path)))
	}
	path := filepath.Join(t.TempDir(), "nowhere", "net")
	require.ErrorIs(t, create(path, c), fs.ErrNotExist, "the parent directory is not created")
}

func namesIn(t *testing.T, dir string) []string {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// plenty is a number of leases that a store does not buffer in memory before it meets an
// error.
const plenty = 9_000

// ascending yields n leases of consecutive addresses from 10.0.0.0 on, alike except for the
// address, and then others.
func ascending(n int, then ...backend.Lease) iter.Seq[backend.Lease] {
	return func(yield func(backend.Lease) bool) {
		addr := ip("10.0.0.0")
		for range n {
			if !yield(lease(addr, eth0)) {
				return
			}
			addr = addr.Next()
		}
		for _, l := range then {
			if !yield(l) {
				return
			}
		}
	}
}

func createFails(t *testing.T, create Create) {
	noOwner := backend.Lease{Addr: ip("10.200.0.1")}
	mapped := lease(ip("::ffff:10.200.0.1"), eth0)
	for _, tc := range []struct {
		name string
		c    backend.Content
		want error
		text string
	}{
		{"an invalid lease", backend.Content{Leases: once(ascending(0, noOwner))}, backend.ErrInvalid, "10.200.0.1: "},
		{"an invalid lease after many", backend.Content{Leases: once(ascending(plenty, noOwner))}, backend.ErrInvalid, "10.200.0.1: "},
		{"an invalid address", backend.Content{Leases: once(ascending(1, mapped))}, backend.ErrInvalid, "::ffff:10.200.0.1"},
		{"an address twice", backend.Content{Leases: once(ascending(3, lease(ip("10.0.0.2"), eth0)))}, backend.ErrExists, "10.0.0.2: "},
		{"descending addresses", backend.Content{Leases: once(ascending(3, lease(ip("10.0.0.1"), eth0)))}, backend.ErrInvalid, "10.0.0.1 comes after 10.0.0.2"},
		{"IPv4 after IPv6", backend.Content{Leases: once(slices.Values(leased("fd00::1", "10.0.0.1")))}, backend.ErrInvalid, "10.0.0.1 comes after fd00::1"},
		{"an invalid range set", backend.Content{Leases: once(ascending(1)), Cursors: map[string]netip.Addr{"a/b": ip("10.0.0.1")}}, backend.ErrInvalid, "a/b"},
		{"a cursor without an address", backend.Content{Leases: once(ascending(1)), Cursors: map[string]netip.Addr{"0": {}}}, backend.ErrInvalid, "range set 0"},
		{"an invalid boot", backend.Content{Leases: once(ascending(1)), LastSearch: "a\nb"}, backend.ErrInvalid, ""},
		{"leases that cannot be read", backend.Content{Leases: broken(0)}, errBroken, ""},
		{"leases that cannot be read to the end", backend.Content{Leases: broken(plenty)}, errBroken, ""},
	} {
		path := filepath.Join(t.TempDir(), "net")
		err := create(path, tc.c)
		require.ErrorIs(t, err, tc.want, tc.name)
		require.ErrorContains(t, err, tc.text, tc.name)
		require.Empty(t, namesIn(t, filepath.Dir(path)), tc.name)
	}
}

var errBroken = errors.New("the leases cannot be read")

// broken yields n leases and then an error.
func broken(n int) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		for l := range ascending(n) {
			if !yield(l, nil) {
				return
			}
		}
		yield(backend.Lease{}, errBroken)
	}
}

func createPanics(t *testing.T, create Create) {
	path := filepath.Join(t.TempDir(), "net")
	require.PanicsWithValue(t, "boom", func() {
		err := create(path, backend.Content{Leases: func(yield func(backend.Lease, error) bool) {
			for l := range ascending(plenty) {
				yield(l, nil)
			}
			panic("boom")
		}})
		t.Fatal("Create has returned", err)
	})
	require.Empty(t, namesIn(t, filepath.Dir(path)))
}
