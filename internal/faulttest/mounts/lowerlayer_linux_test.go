package mounts

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// TestLowerLayerStaysReleased has a store in the lower layer of an overlay. A lease is
// released or renewed, its address is leased to another container, and that lease is
// released too. The first lease is still in the lower layer, and must not come back.
func TestLowerLayerStaysReleased(t *testing.T) {
	faulttest.System(t)
	for _, kind := range []string{"overlay", "fuse-overlayfs"} {
		for name, first := range map[string]func(faulttest.Network) error{
			"released": func(n faulttest.Network) error { return n.Del("old") },
			"removed": func(n faulttest.Network) error {
				names, err := filepath.Glob(filepath.Join(n.Path(), "*[0-9a-f]:*"))
				names = append(names, filepath.Join(n.Path(), "10.0.0.10"))
				for _, name := range names {
					err = errors.Join(err, os.Remove(name))
				}
				return err
			},
			"renewed": func(n faulttest.Network) error {
				if _, err := n.With("onDuplicate", "return").Add("old"); err != nil {
					return err
				}
				return n.Del("old")
			},
		} {
			for families, dual := range map[string]bool{"single": false, "dual": true} {
				t.Run(kind+"/"+name+"/"+families, func(t *testing.T) {
					t.Parallel()
					n := faulttest.Network{Dir: filepath.Join(t.TempDir(), "lower"), Backend: config.Files, Dual: dual, Size: 1}
					addrs, err := n.Add("old")
					require.NoError(t, err)
					// A file changed within two seconds may be a lease made through another mount.
					time.Sleep(2500 * time.Millisecond)
					merged := filepath.Join(t.TempDir(), "merged")
					unmount := faulttest.Overlay(t, kind, n.Dir, merged)
					t.Cleanup(func() { require.NoError(t, unmount()) })
					n.Dir = merged

					require.NoError(t, first(n))
					for _, id := range []string{"a", "b"} {
						requireNoLease(t, n)
						again, err := n.Add(id)
						require.NoError(t, err)
						require.Equal(t, addrs, again)
						require.NoError(t, release(t, n, again))
					}
					requireNoLease(t, n)
				})
			}
		}
	}
}

// release releases addresses as an ADD whose answer cannot be delivered does, or as
// leasehold release. Neither lists the directory; after a listing fuse-overlayfs would
// behave correctly.
func release(t *testing.T, n faulttest.Network, addrs []netip.Addr) error {
	t.Helper()
	return files.Open(n.Path()).Update(t.Context(), func(tx backend.Tx) (err error) {
		for _, addr := range addrs {
			err = errors.Join(err, tx.Delete(addr))
		}
		return err
	})
}

func requireNoLease(t *testing.T, n faulttest.Network) {
	t.Helper()
	h, err := n.Verify(t.Context())
	require.NoError(t, err)
	require.Empty(t, h)
}
