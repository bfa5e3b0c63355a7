package bolt

import (
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// salvaged returns what can be read of a file that holds b.
func salvaged(t *testing.T, o *original, b []byte) (found Salvage, err error) {
	t.Helper()
	require.NoError(t, os.WriteFile(o.path, b, 0o600))
	err = Open(o.path).Salvage(ctx, func(s Salvage) error {
		found = s
		return nil
	})
	return found, err
}

// mustSalvage is salvaged for a file that is a store, if a corrupt one.
func (o *original) mustSalvage(t *testing.T, b []byte) Salvage {
	t.Helper()
	found, err := salvaged(t, o, b)
	require.NoError(t, err)
	o.requireNothingInvented(t, found)
	o.requireRecovered(t, found, b)
	return found
}

// requireRecovered requires that no lease is missing whose bytes are intact.
func (o *original) requireRecovered(t *testing.T, found Salvage, damaged []byte) {
	t.Helper()
	leases := byAddr(found)
	for a, at := range o.live {
		if !at.intact(o, damaged) {
			continue
		}
		got, ok := leases[a]
		require.True(t, ok, "the lease of %s was there to be found", a)
		got.Boot = o.leases[a].Boot // It is in another bucket.
		require.Equal(t, o.leases[a], got)
	}
}

func (o *original) requireNothingInvented(t *testing.T, found Salvage) {
	t.Helper()
	for _, l := range found.Leases {
		l.Boot = ""
		require.True(t, o.ever[l], "there never was %v", l)
	}
	for _, e := range found.History {
		require.True(t, slices.Contains(o.history, e), "there never was %v", e)
	}
	require.True(t, slices.IsSortedFunc(found.Leases, func(a, b backend.Lease) int { return a.Addr.Compare(b.Addr) }))
}

func byAddr(s Salvage) map[netip.Addr]backend.Lease {
	leases := make(map[netip.Addr]backend.Lease)
	for _, l := range s.Leases {
		leases[l.Addr] = l
	}
	return leases
}

// requireWhole requires that all has been read, and nothing else.
func (o *original) requireWhole(t *testing.T, found Salvage) {
	t.Helper()
	require.Equal(t, Salvage{Leases: found.Leases, Cursors: o.cursors, LastSearch: o.boot, History: o.history, Read: found.Read}, found)
	require.Equal(t, o.leases, byAddr(found))
}
