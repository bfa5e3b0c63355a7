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

func putLease(tx backend.Tx, addr string) error {
	return tx.Put(backend.Lease{Addr: netip.MustParseAddr(addr), Owner: backend.Owner{ContainerID: "c"}})
}

// An Update that reads the mode before the mark is set, and changes it afterwards, erases the
// mark. It must notice that the file has left its place.
func TestMovedMeanwhile(t *testing.T) {
	for _, replaced := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "net")
		s := bolt.Open(path)
		require.NoError(t, s.Update(t.Context(), func(tx backend.Tx) error { return putLease(tx, "10.0.0.1") }))
		err := s.Update(t.Context(), func(tx backend.Tx) error {
			require.NoError(t, os.Rename(path, path+".moved"))
			if replaced {
				require.NoError(t, os.WriteFile(path, nil, 0o600))
			}
			return putLease(tx, "10.0.0.2")
		})
		require.ErrorIs(t, err, exchange.ErrUnderway, "replaced: %t", replaced)
		require.ErrorContains(t, err, path)
		info, err := os.Stat(path + ".moved")
		require.NoError(t, err)
		require.Equal(t, replaced, exchange.Marked(info), "an erased mark is set again")
	}
}

// A store that is marked during an Update is about to be replaced by a process with another
// lock. An Update that the other process may not have seen must fail.
func TestMarkedMeanwhile(t *testing.T) {
	for _, when := range []string{"before it writes", "after", "and it writes nothing"} {
		t.Run(when, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "net")
			s := bolt.Open(path)
			require.NoError(t, s.Update(t.Context(), func(tx backend.Tx) error { return putLease(tx, "10.0.0.1") }))
			mark := func() { require.NoError(t, os.Chmod(path, 0o440|os.ModeSetgid|os.ModeSticky)) }
			err := s.Update(t.Context(), func(tx backend.Tx) error {
				if when == "after" {
					require.NoError(t, putLease(tx, "10.0.0.2"))
				}
				mark()
				if when == "before it writes" {
					return putLease(tx, "10.0.0.2")
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
