package crowd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/store"
)

// A burst is commands of one contestant, as many at once as there are workers: every
// worker runs an ADD, then a DEL of the oldest, and so on, and begins the next
// command as soon as the one before has ended.
type burst struct {
	c *contest.Contestant

	mu    sync.Mutex // guards the store of c, and all below
	left  int
	err   error
	times map[string][]time.Duration // by command
}

// run runs as many commands as left, and returns how long all of them took together.
func (b *burst) run(ctx context.Context, workers int) (time.Duration, error) {
	b.times = make(map[string][]time.Duration)
	began := time.Now()
	var all sync.WaitGroup
	for range workers {
		all.Go(func() { b.work(ctx) })
	}
	all.Wait()
	return time.Since(began), b.err
}

func (b *burst) work(ctx context.Context) {
	for i := 0; b.more(ctx); i++ {
		command, do := "ADD", b.add
		if i%2 == 1 {
			command, do = "DEL", b.delete
		}
		took, err := do()
		b.done(command, took, err)
	}
}

// more reports whether there is another command to run.
func (b *burst) more(ctx context.Context) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = ctx.Err()
	}
	b.left--
	return b.err == nil && b.left >= 0
}

func (b *burst) done(command string, took time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = errors.Join(b.err, err)
	b.times[command] = append(b.times[command], took)
}

// add runs an ADD. Which address it gives depends on who comes first; that it is one
// that nobody holds does not.
func (b *burst) add() (time.Duration, error) {
	if b.c.Store == nil {
		return b.c.Add()
	}
	b.mu.Lock()
	a := store.Attachment{Container: b.c.Store.Newcomer()}
	b.mu.Unlock()
	run, err := b.c.Execute("ADD", a)
	if err != nil {
		return 0, err
	}
	if a.Addrs, err = b.addrs(run.Output); err != nil {
		return 0, fmt.Errorf("ADD of %s: %w: %s", b.c.Name, err, run.Output)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return run.Took, b.c.Store.Added(a)
}

// addrs returns the addresses in the result of an ADD, one of each subnet.
func (b *burst) addrs(output string) ([]netip.Addr, error) {
	got, err := contest.Addrs(output)
	if err != nil {
		return nil, err
	}
	subnets := b.c.Store.Network.Subnets
	if len(got) != len(subnets) {
		return nil, fmt.Errorf("want addresses of %s", subnets)
	}
	var addrs []netip.Addr
	for i, p := range got {
		if p.Masked() != subnets[i] {
			return nil, fmt.Errorf("want an address of %s", subnets[i])
		}
		addrs = append(addrs, p.Addr())
	}
	return addrs, nil
}

// delete runs a DEL of the oldest. From the moment it begins, its address may be given
// to others.
func (b *burst) delete() (time.Duration, error) {
	if b.c.Store == nil {
		return b.c.DeleteOldest()
	}
	b.mu.Lock()
	a := b.c.Store.Remove(0)
	b.mu.Unlock()
	run, err := b.c.Execute("DEL", a)
	if err == nil && run.Output != "" {
		err = fmt.Errorf("DEL of %s: unexpected output: %s", b.c.Name, run.Output)
	}
	return run.Took, err
}
