package peers

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

func openPodman(t *testing.T, subnet string) *podman {
	return newPodman(filepath.Join(t.TempDir(), "ipam.db"), netip.MustParsePrefix(subnet))
}

func acquire(t *testing.T, p *podman, container string) string {
	t.Helper()
	addr, err := p.Acquire(t.Context(), allocator.Request{Owner: backend.Owner{ContainerID: container}})
	require.NoError(t, err)
	return addr.String()
}

func release(t *testing.T, p *podman, container string) error {
	return p.Release(t.Context(), backend.Owner{ContainerID: container}, netip.Addr{})
}

func TestPodmanGoesOnAndStartsOver(t *testing.T) {
	p := openPodman(t, "10.0.0.0/29")
	require.ErrorIs(t, release(t, p, "c0"), errNotLeased, "nothing was ever leased")
	for i, want := range []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"} {
		require.Equal(t, want, acquire(t, p, fmt.Sprint("c", i)))
	}
	require.NoError(t, release(t, p, "c0"))
	require.ErrorIs(t, release(t, p, "c0"), errNotLeased)
	require.NoError(t, release(t, p, "c2"))
	for i, want := range []string{"10.0.0.6", "10.0.0.2", "10.0.0.4"} {
		require.Equal(t, want, acquire(t, p, fmt.Sprint("d", i)))
	}
	_, err := p.Acquire(t.Context(), allocator.Request{Owner: backend.Owner{ContainerID: "one too many"}})
	require.ErrorIs(t, err, errNoneFree)
	require.ErrorContains(t, err, "10.0.0.0/29")
	holders, err := p.Holders(t.Context())
	require.NoError(t, err)
	require.Len(t, holders, 5)
	require.Equal(t, "d1", holders[netip.MustParseAddr("10.0.0.2")].ContainerID)
}

// edit changes the file with bbolt alone.
func edit(t *testing.T, p *podman, fn func(network *bbolt.Bucket) error) {
	t.Helper()
	db, err := bbolt.Open(p.path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error { return fn(tx.Bucket([]byte("podman"))) }))
	require.NoError(t, db.Close())
}

func TestPodmanLayout(t *testing.T) {
	p := openPodman(t, "10.0.0.0/24")
	acquire(t, p, "one")
	acquire(t, p, "two")
	got := make(map[string]string)
	edit(t, p, func(network *bbolt.Bucket) error {
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

	edit(t, p, func(network *bbolt.Bucket) error {
		return network.Bucket([]byte("10.0.0.0/24")).Put([]byte("\n\x00\x00\x02"), []byte("two"))
	})
	_, err := p.Holders(t.Context())
	require.ErrorContains(t, err, `10.0.0.2 is leased to "two", and listed for "one"`)
}

// A cursor outside of the subnet leads back into it.
func TestPodmanCursorElsewhere(t *testing.T) {
	for _, cursor := range []string{"9.0.0.9", "11.0.0.9", "10.0.0.254", "10.0.0.255", "10.0.0.0", "fd00::1"} {
		p := openPodman(t, "10.0.0.0/24")
		acquire(t, p, "one")
		require.NoError(t, release(t, p, "one"))
		edit(t, p, func(network *bbolt.Bucket) error {
			return network.Bucket([]byte("10.0.0.0/24")).Put([]byte(lastIP), netip.MustParseAddr(cursor).AsSlice())
		})
		require.Equal(t, "10.0.0.2", acquire(t, p, "two"), cursor)
	}
}
