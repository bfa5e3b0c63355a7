package gate_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/gate"
)

func TestOneWriterOrSeveralReaders(t *testing.T) {
	g := gate.New()
	var readers, writers, mostReaders atomic.Int32
	var all sync.WaitGroup
	for i := range 200 {
		write := i%5 == 0
		all.Go(func() {
			leave, err := g.Enter(t.Context(), write)
			if err != nil {
				t.Error(err)
				return
			}
			defer leave()
			if write {
				writers.Add(1)
				if writers.Load() != 1 || readers.Load() != 0 {
					t.Error("a writer beside others")
				}
				writers.Add(-1)
				return
			}
			mostReaders.Store(max(mostReaders.Load(), readers.Add(1)))
			if writers.Load() != 0 {
				t.Error("a reader beside a writer")
			}
			readers.Add(-1)
		})
	}
	all.Wait()
}

// A writer is admitted before the readers that came after it, or readers could keep it out
// for ever.
func TestOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate.New()
		leave, err := g.Enter(t.Context(), false)
		require.NoError(t, err)
		var order []string
		enter := func(name string, write bool) {
			go func() {
				leave, err := g.Enter(t.Context(), write)
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, name)
				leave()
			}()
			synctest.Wait()
		}
		enter("writer", true)
		enter("reader", false)
		require.Empty(t, order)
		leave()
		synctest.Wait()
		require.Equal(t, []string{"writer", "reader"}, order)
	})
}

func TestContextEnds(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, inside := range []bool{false, true} {
		g := gate.New()
		leave, err := g.Enter(ended, inside)
		require.NoError(t, err, "an open gate ignores ctx")
		_, err = g.Enter(ended, true)
		require.ErrorIs(t, err, context.Canceled)
		leave()
		leave, err = g.Enter(t.Context(), true)
		require.NoError(t, err, "a canceled Enter holds nothing")
		leave()
	}
}
