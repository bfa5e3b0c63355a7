package gate_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

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
