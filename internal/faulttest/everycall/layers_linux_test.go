package everycall

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// A migration is killed at each call that changes something, on file systems where it goes
// other ways: where the store is in the lower layer of an overlay, and where two names
// cannot be exchanged.
func TestKillMigrationInLayers(t *testing.T) {
	needTracer(t)
	for _, layers := range []string{"overlay", "fuse-overlayfs"} {
		for _, kind := range []string{config.Files, config.Bolt} {
			t.Run(layers+"/"+kind, func(t *testing.T) {
				t.Parallel()
				dir := faulttest.Dir(t)
				s := scenarioNamed(t, kind, migrate)
				killed := 0
				for i := 1; ; i += layersStride(layers) {
					done, err := s.killInLayers(t, layers, kind, filepath.Join(dir, strconv.Itoa(i)), i)
					require.NoError(t, err)
					if done {
						break
					}
					killed++
				}
				require.Positive(t, killed)
				t.Log(killed, "kills")
			})
		}
	}
}

// layersStride is from which call to which a run goes that is to be quick: a file system
// in user space takes its time.
func layersStride(layers string) int {
	if layers == "overlay" || faulttest.Exhaustive() {
		return 1
	}
	return 3
}

// TestFaultInLayers has each call of a migration fail there, once and from there on.
func TestFaultInLayers(t *testing.T) {
	needTracer(t)
	for _, kind := range []string{config.Files, config.Bolt} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := faulttest.Dir(t)
			s := scenarioNamed(t, kind, migrate)
			f := faultNamed(t, "EIO")
			met := 0
			for i := 1; ; i += (s.stride() + 1) / 2 {
				done := false
				for _, lasting := range []bool{false, true} {
					err := s.inLayers(t, "overlay", kind, filepath.Join(dir, fmt.Sprint(i, lasting)), func(a *attempt) error {
						call, err := a.failAt(i, f, lasting)
						done = call == nil
						if err != nil {
							err = fmt.Errorf("%s at %s: %w", f.name, describe(call), err)
						}
						return err
					})
					require.NoError(t, err)
				}
				if done {
					break
				}
				met++
			}
			t.Log(met, "faults")
		})
	}
}

// killInLayers kills the command at its nth call, on an overlay of which the lower layer
// has the store.
func (s scenario) killInLayers(t *testing.T, layers, kind, dir string, nth int) (done bool, err error) {
	err = s.inLayers(t, layers, kind, dir, func(a *attempt) error {
		done, err = a.killAt(nth, changes)
		return err
	})
	return done, err
}

// inLayers calls fn with an attempt on an overlay of which the lower layer has the store.
func (s scenario) inLayers(t *testing.T, layers, kind, dir string, fn func(*attempt) error) (err error) {
	lower, merged := filepath.Join(dir, "lower"), filepath.Join(dir, "merged")
	n := faulttest.Network{Dir: filepath.Join(lower, "networks"), Backend: kind, Dual: true}
	a, err := s.prepared(n, faulttest.Shared(t))
	if err != nil {
		return err
	}
	unmount := faulttest.Overlay(t, layers, lower, merged)
	defer func() { err = errors.Join(err, unmount(), os.RemoveAll(dir)) }()
	a.network.Dir = filepath.Join(merged, "networks")
	if a.mount, err = newMount(a.network); err != nil {
		return fmt.Errorf("another mount: %w", err)
	}
	return fn(a)
}

func TestKillMigrationInTurn(t *testing.T) {
	needTracer(t)
	for _, kind := range []string{config.Files, config.Bolt} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			mounted := t.TempDir()
			faulttest.Bindfs(t, faulttest.Dir(t), mounted)
			n := faulttest.Network{Dir: mounted, Backend: kind, Dual: true}
			killed, err := scenarioNamed(t, kind, migrate).killAtEach(n, faulttest.Shared(t), changes)
			require.NoError(t, err)
			require.Positive(t, killed)
			t.Log(killed, "kills")
		})
	}
}
