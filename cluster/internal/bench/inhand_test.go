package bench

import (
	"fmt"
	"testing"
)

// capacity is how many addresses the blocks in hand have together: with the most leases, nearly
// all blocks are full.
const capacity = 1 << 16

// BenchmarkInHand is whole processes on a store with blocks in hand, beside a store that shares nothing.
func BenchmarkInHand(b *testing.B) {
	for _, leases := range []int{0, 1_000, 10_000, 65_000} {
		for _, blocks := range []int{1, 64, 4_096} {
			b.Run(fmt.Sprintf("leases=%d/blocks=%d", leases, blocks), func(b *testing.B) {
				inHand(b, rounds(150), leases, blocks).report(b)
			})
		}
	}
}

// inHand compares an ADD, a CHECK of the new container, and a DEL of the oldest.
func inHand(tb testing.TB, times, leases, blocks int) result {
	tb.Helper()
	hosts := []*host{newHost(tb), newSharing(tb)}
	hosts[1].give(blocks, capacity)
	for _, h := range hosts {
		h.fill(leases)
	}
	return compare(tb, 3, times, "alone", func(i int) turn {
		h := hosts[i]
		return turn{"ADD-ns": h.mustAdd(), "CHECK-ns": h.check(), "DEL-ns": h.del()}
	})
}
