package realcut

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/stores"
)

func TestAcknowledgedDataSurvives(t *testing.T) {
	programs := faulttest.Shared(t)
	for _, kind := range fileSystems() {
		t.Run(kind, func(t *testing.T) {
			d := newDisk(t, kind)
			var all counts
			for i := range cuts(kind) {
				seed := uint64(i)
				c, err := round(d, programs, seed)
				require.NoError(t, err, "round %d", seed)
				all.add(c)
			}
			t.Logf("%s: %v", kind, all)
		})
	}
}

// A missing sync is found by these cuts.
func TestMissingSyncsAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short: builds the programs again")
	}
	programs, err := faulttest.Build(t.TempDir(), faulttest.Planted("no-sync"))
	require.NoError(t, err)
	for _, kind := range fileSystems() {
		for seed, store := range []string{config.Files, config.Bolt} {
			t.Run(kind+" "+store, func(t *testing.T) {
				d := newDisk(t, kind)
				for range 60 {
					if _, err := round(d, programs, uint64(2*seed)); err != nil {
						t.Log(err)
						return
					}
				}
				t.Error("60 cuts found nothing")
			})
		}
	}
}

func cuts(kind string) int {
	switch {
	case faulttest.Exhaustive():
		return 1000
	case testing.Short():
		return 2
	case kind == btrfs:
		return 24 // About one in fifteen failed when a listing of a btrfs that has failed was believed.
	}
	return 6
}

// round runs a storm, cuts the power and checks the store. The seed determines the storm.
func round(d *disk, programs faulttest.Programs, seed uint64) (counts, error) {
	d.t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	s := &storm{programs: programs, Network: faulttest.Network{
		Dir: filepath.Join(d.dir, "networks"), Dual: seed%2 == 0, Size: 6,
	}}
	migrate := seed%4 == 3
	if !migrate {
		s.Backend = []string{config.Files, config.Bolt}[seed/2%2]
	}
	kind, err := stores.KindAt(s.Path())
	require.NoError(d.t, err)
	if r.IntN(3) == 0 || !migrate && kind != s.Backend {
		require.NoError(d.t, os.RemoveAll(s.Dir)) // The first ADD creates the store.
		d.syncAll()
	}
	s.run(r, 2+r.IntN(3), migrate, d.cut)
	d.restore()
	s.count.cuts = 1
	if err := errors.Join(s.unexpected...); err != nil {
		return s.count, fmt.Errorf("before the cut: %w", err)
	}
	return s.count, s.check(d.t.Context())
}
