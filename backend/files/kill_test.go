package files

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// A killer calls kill at the nth step.
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

// killed is the panic value of a simulated kill. This package does not touch the directory
// while a panic unwinds.
type killed struct{}

// updateKilled runs fn and is killed at the nth step. It returns false if there are fewer
// steps.
func (b testDir) updateKilled(n int, fn func(backend.Tx) error) (was bool) {
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

// nothing is a transaction that only recovers.
func nothing(backend.Tx) error { return nil }

func TestKill(t *testing.T) {
	for _, tx := range transactions() {
		t.Run(tx.name, func(t *testing.T) {
			n := 1
			for ; testKillAt(newTestDir(t), tx, n); n++ {
			}
			require.Greater(t, n, 8, "steps")
		})
	}
}

func testKillAt(b testDir, tx transaction, n int) bool {
	seed(b)
	if !b.updateKilled(n, tx.fn) {
		require.Equal(b, tx.after, b.snapshot())
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

// requireEither requires that a transaction happened entirely or not at all.
func requireEither(b testDir, tx transaction, at ...int) {
	b.Helper()
	if got := b.snapshot(); len(got) != len(tx.before) || got["10.0.0.1"] != tx.before["10.0.0.1"] || got["boot"] != tx.before["boot"] {
		require.Equal(b, tx.after, got, "killed at %v", at)
	} else {
		require.Equal(b, tx.before, got, "killed at %v", at)
	}
}
