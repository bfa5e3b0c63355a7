package everycall

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
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

// TestEmptyLeaseholdDir empties or removes .leasehold before each call of a migration, or in a quick run some.
// Whether the migration succeeds or fails, the network must have one usable store with all
// its leases.
func TestEmptyLeaseholdDir(t *testing.T) {
	requireTracer(t)
	p := faulttest.Shared(t)
	for _, kind := range []string{config.Files, config.Bolt} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := faulttest.Dir(t)
			s := scenarioNamed(t, kind, migrate)
			stride := 11 // odd, so that .leasehold is emptied and removed by turns
			if faulttest.Exhaustive() {
				stride = 1
			}
			answers := map[bool]int{}
			for i := 1 + rand.IntN(stride); ; i += stride {
				n := faulttest.Network{Dir: filepath.Join(dir, strconv.Itoa(i)), Backend: kind, Dual: true}
				a, err := s.attempt(n, p)
				require.NoError(t, err)
				done, failed, err := a.runEmptying(i)
				require.NoError(t, err)
				require.NoError(t, os.RemoveAll(n.Dir))
				if done {
					break
				}
				answers[failed]++
			}
			t.Log(answers[true], "failed,", answers[false], "succeeded")
			require.Positive(t, answers[true])
		})
	}
}

// runEmptying runs the migration, with .leasehold emptied before the nth call, and checks
// the store. It is done if there are fewer calls.
func (a *attempt) runEmptying(nth int) (done, failed bool, err error) {
	defer func() { a.mount.close() }() // The mount has been checked by now.
	var call *ptracer.Call
	var emptyErr error
	seen := 0
	answer := a.run(ptracer.Hooks{Enter: func(c *ptracer.Call) ptracer.Action {
		if seen++; seen == nth {
			call = c
			emptyErr = emptyDir(filepath.Join(a.network.Dir, ".leasehold"), nth%2 == 0)
		}
		return ptracer.Action{}
	}})
	if emptyErr != nil {
		return call == nil, answer != nil, emptyErr
	}
	n := a.network
	n.Backend = ""
	problem := func() error {
		after, err := n.Verify(context.Background())
		if err != nil {
			return err
		}
		if !maps.EqualFunc(a.before, after, slices.Equal) {
			return fmt.Errorf("before: %v; after: %v", a.before, after)
		}
		if err := a.mount.checkNoDoubleLease(n); err != nil {
			return err
		}
		return n.Exercise(context.Background())
	}()
	if problem != nil {
		problem = fmt.Errorf("emptied before %s, answer %v: %w", describe(call), answer, problem)
	}
	return call == nil, answer != nil, problem
}

// emptyDir removes a directory, or only its entries.
func emptyDir(dir string, whole bool) error {
	if whole {
		return os.RemoveAll(dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // It does not exist yet.
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
