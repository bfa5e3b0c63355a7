//go:build unix

package measure

import (
	"context"
	"syscall"
)

// Turns gives each of n peers its turn in a round. All file systems are synced before each
// turn, so that no peer waits for what another has left to write.
func Turns(ctx context.Context, round, n int, turn func(i int) error) error {
	for _, i := range order(n, round) {
		if err := ctx.Err(); err != nil {
			return err
		}
		syscall.Sync() // Where it can fail, the turns are only noisier.
		if err := turn(i); err != nil {
			return err
		}
	}
	return nil
}

// order returns the order of n turns in a round. Two successive rounds begin with the same
// peer, the second one backwards: so every peer has each position equally often, and none
// always follows the same other, whose data is in the machine's caches.
func order(n, round int) []int {
	turns := make([]int, n)
	for i := range turns {
		step := i
		if round%2 == 1 {
			step = n - i
		}
		turns[i] = (round/2 + step) % n
	}
	return turns
}
