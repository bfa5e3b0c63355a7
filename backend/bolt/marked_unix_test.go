//go:build unix

package bolt_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/internal/exchange"
)

// A store that is marked while an Update works on it is about to be replaced by a process with
// another lock. No Update is answered that the process may not have seen.
func TestMarkedMeanwhile(t *testing.T) {
	put := func(tx backend.Tx, addr string) error {
		return tx.Put(backend.Lease{Addr: netip.MustParseAddr(addr), Owner: backend.Owner{ContainerID: "c"}})
	}
	for _, when := range []string{"before it writes", "after", "and it writes nothing"} {
		t.Run(when, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "net")
			s := bolt.Open(path)
			require.NoError(t, s.Update(t.Context(), func(tx backend.Tx) error { return put(tx, "10.0.0.1") }))
			mark := func() { require.NoError(t, os.Chmod(path, 0o440|os.ModeSetgid|os.ModeSticky)) }
			err := s.Update(t.Context(), func(tx backend.Tx) error {
				if when == "after" {
					require.NoError(t, put(tx, "10.0.0.2"))
				}
				mark()
				if when == "before it writes" {
					return put(tx, "10.0.0.2")
				}
				return nil
			})
			if when == "and it writes nothing" {
				require.NoError(t, err, "as a migration does, which marks it itself")
			} else {
				require.ErrorIs(t, err, exchange.ErrUnderway)
				require.ErrorIs(t, err, backend.ErrBusy)
				require.ErrorContains(t, err, path)
			}
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.True(t, exchange.Marked(info), "the mark is not taken away")
		})
	}
}
