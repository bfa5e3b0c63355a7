package podman_test

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/bench/compare/internal/podman"
)

func open(t *testing.T, subnet string) (s *podman.Store, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "ipam.db")
	return podman.Open(path, netip.MustParsePrefix(subnet)), path
}

func acquire(t *testing.T, s *podman.Store, container string) string {
	t.Helper()
	addr, err := s.Acquire(container)
	require.NoError(t, err)
	return addr.String()
}

func TestGoesOnAndBeginsAnew(t *testing.T) {
	s, _ := open(t, "10.0.0.0/29")
	for i, want := range []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"} {
		require.Equal(t, want, acquire(t, s, fmt.Sprint("c", i)), "the gateway is passed by")
	}
	require.NoError(t, s.Release("c0"))
	require.NoError(t, s.Release("c2"))
	for i, want := range []string{"10.0.0.6", "10.0.0.2", "10.0.0.4"} {
		require.Equal(t, want, acquire(t, s, fmt.Sprint("d", i)))
	}
	leases, err := s.Leases()
	require.NoError(t, err)
	require.Equal(t, map[netip.Addr]string{
		netip.MustParseAddr("10.0.0.2"): "d1", netip.MustParseAddr("10.0.0.3"): "c1",
		netip.MustParseAddr("10.0.0.4"): "d2", netip.MustParseAddr("10.0.0.5"): "c3",
		netip.MustParseAddr("10.0.0.6"): "d0",
	}, leases)
}

func TestExhausted(t *testing.T) {
	s, _ := open(t, "10.0.0.0/30")
	acquire(t, s, "one")
	for range 2 {
		_, err := s.Acquire("two")
		require.ErrorIs(t, err, podman.ErrNoneFree)
		require.ErrorContains(t, err, "10.0.0.0/30")
	}
	require.ErrorIs(t, s.Release("two"), podman.ErrNotLeased, "it left nothing behind")
	require.NoError(t, s.Release("one"))
	require.Equal(t, "10.0.0.2", acquire(t, s, "two"))
}

func TestReleaseFreesOnce(t *testing.T) {
	s, _ := open(t, "fd00::/64")
	require.ErrorIs(t, s.Release("one"), podman.ErrNotLeased, "nothing was ever leased")
	require.Equal(t, "fd00::2", acquire(t, s, "one"))
	require.NoError(t, s.Release("one"))
	require.ErrorIs(t, s.Release("one"), podman.ErrNotLeased)
	leases, err := s.Leases()
	require.NoError(t, err)
	require.Empty(t, leases)
	require.Equal(t, "fd00::3", acquire(t, s, "one"), "not the one that has just been released")
}

// Goroutines that come at once get addresses of their own.
func TestManyAtOnce(t *testing.T) {
	const workers, each = 8, 10
	s, _ := open(t, "10.0.0.0/24")
	var all sync.WaitGroup
	errs := make(chan error, workers*each*2)
	for w := range workers {
		all.Go(func() {
			for i := range each {
				_, err := s.Acquire(fmt.Sprintf("%d-%d", w, i))
				errs <- err
				if i%2 == 1 {
					errs <- s.Release(fmt.Sprintf("%d-%d", w, i-1))
				}
			}
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	leases, err := s.Leases() // which would not agree, had an address been given twice
	require.NoError(t, err)
	require.Len(t, leases, workers*each/2)
	for addr, container := range leases {
		require.True(t, netip.MustParsePrefix("10.0.0.0/24").Contains(addr), addr)
		var w, i int
		_, err := fmt.Sscanf(container, "%d-%d", &w, &i)
		require.NoError(t, err)
		require.Equal(t, 1, i%2, "%s was released", container)
	}
}

// edit opens the file as anybody can, and changes it.
func edit(t *testing.T, path string, fn func(network *bbolt.Bucket) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error { return fn(tx.Bucket([]byte("podman"))) }))
	require.NoError(t, db.Close())
}

func TestLayout(t *testing.T) {
	s, path := open(t, "10.0.0.0/24")
	acquire(t, s, "one")
	acquire(t, s, "two")
	got := make(map[string]string)
	edit(t, path, func(network *bbolt.Bucket) error {
		return network.ForEachBucket(func(name []byte) error {
			return network.Bucket(name).ForEach(func(k, v []byte) error {
				got[fmt.Sprintf("%s %q", name, k)] = string(v)
				return nil
			})
		})
	})
	require.Equal(t, map[string]string{
		`10.0.0.0/24 "\n\x00\x00\x02"`: "one",
		`10.0.0.0/24 "\n\x00\x00\x03"`: "two",
		`10.0.0.0/24 "lastIP"`:         "\n\x00\x00\x03",
		`ids "one"`:                    `["10.0.0.2"]`,
		`ids "two"`:                    `["10.0.0.3"]`,
	}, got)
}

// A cursor outside of the subnet leads back into it.
func TestCursorElsewhere(t *testing.T) {
	for _, cursor := range []string{"9.0.0.9", "11.0.0.9", "10.0.0.254", "10.0.0.255", "10.0.0.0", "fd00::1"} {
		s, path := open(t, "10.0.0.0/24")
		acquire(t, s, "one")
		require.NoError(t, s.Release("one"))
		edit(t, path, func(network *bbolt.Bucket) error {
			addr := netip.MustParseAddr(cursor)
			return network.Bucket([]byte("10.0.0.0/24")).Put([]byte("lastIP"), addr.AsSlice())
		})
		require.Equal(t, "10.0.0.2", acquire(t, s, "two"), cursor)
	}
}

func TestBucketsThatDisagree(t *testing.T) {
	for want, change := range map[string]func(network *bbolt.Bucket) error{
		"of which it is said": func(network *bbolt.Bucket) error {
			return network.Bucket([]byte("ids")).Put([]byte("one"), []byte(`["10.0.0.9"]`))
		},
		"1 addresses are leased, to 2 containers": func(network *bbolt.Bucket) error {
			return network.Bucket([]byte("ids")).Put([]byte("two"), []byte(`["10.0.0.9"]`))
		},
		"holds no address": func(network *bbolt.Bucket) error {
			return network.Bucket([]byte("10.0.0.0/24")).Put([]byte("\n\x00\x00\x02"), []byte("two"))
		},
		"is no address": func(network *bbolt.Bucket) error {
			return network.Bucket([]byte("10.0.0.0/24")).Put([]byte("first"), []byte("two"))
		},
		"addresses of one: ": func(network *bbolt.Bucket) error {
			return network.Bucket([]byte("ids")).Put([]byte("one"), []byte(`{`))
		},
	} {
		s, path := open(t, "10.0.0.0/24")
		acquire(t, s, "one")
		edit(t, path, change)
		_, err := s.Leases()
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, path)
	}
}
