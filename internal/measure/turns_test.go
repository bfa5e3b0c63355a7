//go:build unix

package measure

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOrder(t *testing.T) {
	const n = 5
	positions := make([]int, n)  // the sum for each peer
	follows := map[[2]int]bool{} // which peer comes right after which
	for round := range 2 * n {
		turns := order(n, round)
		require.ElementsMatch(t, []int{0, 1, 2, 3, 4}, turns)
		for position, who := range turns {
			positions[who] += position
			if position > 0 {
				follows[[2]int{turns[position-1], who}] = true
			}
		}
	}
	require.Len(t, slices.Compact(positions), 1, "no peer comes earlier than another on average")
	require.Len(t, follows, 2*n, "each follows either neighbor")
}

func TestTurnsEnd(t *testing.T) {
	failed := errors.New("failed")
	calls := 0
	require.ErrorIs(t, Turns(t.Context(), 0, 3, func(int) error { calls++; return failed }), failed)
	require.Equal(t, 1, calls)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, Turns(ctx, 0, 3, func(int) error { panic("a turn") }), context.Canceled)
}
