package everycall

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// TestKillMigrationOnOverlay kills a migration at calls that change a file, or in a quick run at some of them,
// with the store in the lower layer of an overlay, where a migration takes another code path.
func TestKillMigrationOnOverlay(t *testing.T) {
	requireTracer(t)
	for _, layers := range []string{"overlay", "fuse-overlayfs"} {
		for _, kind := range []string{config.Files, config.Bolt} {
			t.Run(layers+"/"+kind, func(t *testing.T) {
				t.Parallel()
				dir := faulttest.Dir(t)
				s := scenarioNamed(t, kind, migrate)
				killed := 0
				for i := 1 + rand.IntN(s.killStride()); ; i += s.killStride() {
					done, err := s.killOnOverlay(t, layers, kind, filepath.Join(dir, strconv.Itoa(i)), i)
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

// TestFaultOnOverlay makes calls of a migration fail, alone and with all that follow,
// with the store in the lower layer of an overlay.
func TestFaultOnOverlay(t *testing.T) {
	requireTracer(t)
	for _, kind := range []string{config.Files, config.Bolt} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := faulttest.Dir(t)
			s := scenarioNamed(t, kind, migrate)
			f := faultNamed(t, "EIO")
			faults := 0
			for i := 1 + rand.IntN(s.stride()); ; i += s.stride() {
				done := false
				for _, lasting := range []bool{false, true} {
					err := s.onOverlay(t, "overlay", kind, filepath.Join(dir, fmt.Sprint(i, lasting)), func(a *attempt) error {
						call, err := a.failAtCall(i, f, lasting)
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
				faults++
			}
			t.Log(faults, "faults")
		})
	}
}

// killOnOverlay kills the command at its nth call, with the store in the lower layer of an
// overlay.
func (s scenario) killOnOverlay(t *testing.T, layers, kind, dir string, nth int) (done bool, err error) {
	err = s.onOverlay(t, layers, kind, dir, func(a *attempt) error {
		done, err = a.killAtCall(nth, changesFiles)
		return err
	})
	return done, err
}

// onOverlay calls fn with an attempt whose store is in the lower layer of an overlay.
func (s scenario) onOverlay(t *testing.T, layers, kind, dir string, fn func(*attempt) error) (err error) {
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
		return fmt.Errorf("mount the store: %w", err)
	}
	return fn(a)
}

// TestKillMigrationWithoutExchange kills a migration at calls that change a file, on
// bindfs, which does not support RENAME_EXCHANGE.
func TestKillMigrationWithoutExchange(t *testing.T) {
	requireTracer(t)
	for _, kind := range []string{config.Files, config.Bolt} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			mounted := t.TempDir()
			faulttest.Bindfs(t, faulttest.Dir(t), mounted)
			n := faulttest.Network{Dir: mounted, Backend: kind, Dual: true}
			killed, err := scenarioNamed(t, kind, migrate).killEachCall(n, faulttest.Shared(t), changesFiles)
			require.NoError(t, err)
			require.Positive(t, killed)
			t.Log(killed, "kills")
		})
	}
}
