package everycall

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// TestEmptied has somebody empty .leasehold, or remove it, before each call of a migration.
// Whatever that answers, the network has one store with all its leases, and works.
func TestEmptied(t *testing.T) {
	needTracer(t)
	p := faulttest.Shared(t)
	for _, kind := range []string{config.Files, config.Bolt} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := faulttest.Dir(t)
			s := scenarioNamed(t, kind, migrate)
			stride := 4
			if faulttest.Exhaustive() {
				stride = 1
			}
			answers := map[bool]int{}
			for i := 1; ; i += stride {
				n := faulttest.Network{Dir: filepath.Join(dir, strconv.Itoa(i)), Backend: kind, Dual: true}
				a, err := s.attempt(n, p)
				require.NoError(t, err)
				done, failed, err := a.emptiedAt(i)
				require.NoError(t, err)
				require.NoError(t, os.RemoveAll(n.Dir))
				if done {
					break
				}
				answers[failed]++
			}
			t.Log(answers[true], "failed,", answers[false], "did not")
			require.Positive(t, answers[true])
		})
	}
}

// emptiedAt returns what is wrong after .leasehold was emptied before the nth call.
func (a *attempt) emptiedAt(nth int) (done, failed bool, err error) {
	defer func() { a.mount.close() }() // It has been looked at.
	var at *ptracer.Call
	var emptyErr error
	seen := 0
	answer := a.run(ptracer.Hooks{Enter: func(c *ptracer.Call) ptracer.Action {
		if seen++; seen == nth {
			at = c
			emptyErr = empty(filepath.Join(a.network.Dir, ".leasehold"), nth%2 == 0)
		}
		return ptracer.Action{}
	}})
	if emptyErr != nil {
		return at == nil, answer != nil, emptyErr
	}
	n := a.network
	n.Backend = ""
	wrong := func() error {
		after, err := n.Verify(context.Background())
		if err != nil {
			return err
		}
		if !maps.EqualFunc(a.before, after, slices.Equal) {
			return fmt.Errorf("before: %v; after: %v", a.before, after)
		}
		if err := a.mount.usable(n); err != nil {
			return err
		}
		return n.Exercise(context.Background())
	}()
	if wrong != nil {
		wrong = fmt.Errorf("emptied before %s, answered %v: %w", describe(at), answer, wrong)
	}
	return at == nil, answer != nil, wrong
}

// empty removes a directory, or what is in it.
func empty(dir string, whole bool) error {
	if whole {
		return os.RemoveAll(dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // It is not there yet.
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
