package bolt

import (
	"bytes"
	"errors"
	"maps"
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

// recover requires that no lease is missing whose bytes damage has left alone, and
// that there is none that never was.
func (o *original) requireRecovered(t *testing.T, found Salvage, damaged []byte) {
	t.Helper()
	leases := make(map[string]backend.Lease)
	for _, l := range found.Leases {
		leases[l.Addr.String()] = l
	}
	for a, at := range o.live {
		if at.intact(o, damaged) {
			got, ok := leases[a.String()]
			require.True(t, ok, "the lease of %s was there to be found", a)
			got.Boot = o.leases[a].Boot
			require.Equal(t, o.leases[a], got)
		}
	}
}

func (o *original) requireNothingInvented(t *testing.T, found Salvage) {
	t.Helper()
	for _, l := range found.Leases {
		l.Boot = ""
		require.True(t, o.ever[l], "there never was %v", l)
	}
	require.True(t, slices.IsSortedFunc(found.Leases, func(a, b backend.Lease) int { return a.Addr.Compare(b.Addr) }))
}

func TestSalvageOfDamage(t *testing.T) {
	rnd := newRand(t)
	times := 1
	if exhaustive() {
		times = 100
	}
	for _, o := range originals(t, rnd, 0, 1, 10, 300, 3000) {
		for _, d := range damagers() {
			for range times {
				damaged := d.do(rnd, o, slices.Clone(o.image))
				soon(t, o.name+": "+d.name, func() {
					found, err := salvaged(t, o, damaged)
					if errors.Is(err, backend.ErrFormat) {
						require.ErrorIs(t, Open(o.path).Verify(ctx), backend.ErrFormat)
						return
					}
					require.NoError(t, err)
					o.requireNothingInvented(t, found)
					o.requireRecovered(t, found, damaged)
				})
			}
		}
	}
}

var _ = bytes.Clone
var _ = maps.Keys[map[int]int]
