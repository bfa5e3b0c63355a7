package files

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// A killer ends, at the nth step, what the steps are part of.
type killer struct {
	n     int
	kill  func()
	steps int // so far
}

func (k *killer) step(string, ...string) error {
	if k.steps++; k.steps == k.n {
		k.kill()
	}
	return nil
}

// killed is what a simulated kill panics with. Nothing of this package touches the
// directory while a panic unwinds.
type killed struct{}

// updateKilled performs fn and is killed at the nth step. It returns false if
// there was none.
func (b bed) updateKilled(n int, fn func(backend.Tx) error) (was bool) {
	b.Helper()
	defer func() {
		if was = recover() == (killed{}); was {
			return
		}
	}()
	s := b.open()
	s.step = (&killer{n: n, kill: func() { panic(killed{}) }}).step
	require.NoError(b, s.Update(b.Context(), fn))
	return false
}

// nothing is a transaction that does no more than recovery.
func nothing(backend.Tx) error { return nil }

func TestKill(t *testing.T) {
	for _, tx := range transactions() {
		t.Run(tx.name, func(t *testing.T) {
			n := 1
			for ; testKillAt(newBed(t), tx, n); n++ {
			}
			require.Greater(t, n, 8, "steps")
		})
	}
}

func testKillAt(b bed, tx transaction, n int) bool {
	prepared(b)
	if !b.updateKilled(n, tx.fn) {
		require.Equal(b, tx.after, b.holding())
		return false
	}
	for r := 1; ; r++ {
		requireEither(b, tx, n, r)
		if !b.updateKilled(r, nothing) {
			break
		}
	}
	requireEither(b, tx, n, 0)
	b.requireWorks()
	return true
}

// requireEither requires all or nothing of a transaction.
func requireEither(b bed, tx transaction, at ...int) {
	b.Helper()
	if got := b.holding(); len(got) != len(tx.before) || got["10.0.0.1"] != tx.before["10.0.0.1"] || got["boot"] != tx.before["boot"] {
		require.Equal(b, tx.after, got, "killed at %v", at)
	} else {
		require.Equal(b, tx.before, got, "killed at %v", at)
	}
}
