package parts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/plot"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
	"github.com/leasehold/leasehold/internal/measure"
)

func crowd() Part {
	return Part{
		Name: "crowd",
		Text: `Many processes at once, as after a reboot or when a node is drained: when one ends, the next
is started, by turns an ADD of a new container and a DEL of the oldest, for some hundreds of
commands. Every process waits for the lock of the store. The empty program, which needs no
lock, shows how fast processes can be started at all.`,
		Pairs: []report.Pair{
			{Of: peers.Stock, To: peers.Bolt}, {Of: peers.Stock, To: peers.Files},
			{Of: peers.BoltBefore, To: peers.Bolt},
		},
		Run:    func(ctx context.Context, e *Env) error { return e.play(ctx, crowdScene(e, pick(e, 512, 128))) },
		figure: crowdFigure,
	}
}

func crowdFigure(fs string) (string, plot.Figure) {
	panel := func(title, y, unit string) plot.Panel {
		return plot.Panel{
			Title: title, X: "processes at once", Y: y, Unit: unit,
			Keep: func(k samples.Key) bool { return k.FS == fs && k.Leases == 110 },
			Tick: func(k samples.Key) int { return k.AtOnce },
		}
	}
	return fmt.Sprintf("crowd-%s-110", fs), plot.Figure{
		Title: fmt.Sprintf("Many processes at once, %s, 110 leases held", fs),
		Panels: []plot.Panel{
			panel("commands in a second", "", "commands/s"),
			panel("half of the ADDs end within", "ms", "ADD-p50-ns"),
			panel("the longest ADD of a burst", "ms", "ADD-worst-ns"),
		},
	}
}

// crowdScene has bursts of so many commands.
func crowdScene(e *Env, commands int) scene {
	return scene{
		subnets: subnets("10.0.0.0/16"),
		peers: []string{peers.Stock, peers.Files, peers.Bolt, peers.EmptyGo,
			peers.BoltBefore, peers.FilesBefore},
		leases:  pick(e, []int{110, 1_000}, []int{110}),
		atOnce:  pick(e, []int{1, 8, 64, 256}, []int{1, 8, 64}),
		rounds:  e.times(5, 2),
		warmUps: 1,
		turn: func(ctx context.Context, t *turn) error {
			// Each process of the crowd runs an ADD and a DEL at least.
			b := &burst{turn: t, left: max(commands, 2*t.key.AtOnce)}
			return b.run(ctx, t.key.AtOnce)
		},
	}
}

// A burst is commands of one peer, as many at once as there are workers: every worker runs
// an ADD, then a DEL of the oldest, and so on, and begins the next command as soon as one
// has ended.
type burst struct {
	*turn

	mu         sync.Mutex // guards the store, and all below
	left       int
	err        error
	adds, dels []float64 // nanoseconds
}

// run runs as many commands as left, and keeps how many that is in a second, and quantiles of
// their times.
func (b *burst) run(ctx context.Context, workers int) error {
	began := time.Now()
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for b.add(ctx) && b.delete(ctx) {
			}
		})
	}
	all.Wait()
	if b.err == nil {
		b.report(time.Since(began))
	}
	return b.err
}

func (b *burst) report(took time.Duration) {
	b.keep("commands/s", float64(len(b.adds)+len(b.dels))/took.Seconds())
	for i, times := range [][]float64{b.adds, b.dels} {
		command := []string{"ADD", "DEL"}[i]
		b.keep(command+"-p50-ns", measure.Quantile(times, 0.5))
		b.keep(command+"-p99-ns", measure.Quantile(times, 0.99))
		b.keep(command+"-worst-ns", measure.Quantile(times, 1))
	}
}

// more reports whether there is another command to run. It is called with mu held.
func (b *burst) more(ctx context.Context) bool {
	if b.err == nil {
		b.err = ctx.Err()
	}
	b.left--
	return b.err == nil && b.left >= 0
}

// add runs an ADD, and reports whether there was one to run. Which address it gives depends on
// the order of the processes; that no other container holds it does not.
func (b *burst) add(ctx context.Context) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.more(ctx) {
		return false
	}
	c := b.Store.Newcomer()
	b.mu.Unlock()
	a, took, err := b.AddTo(c)
	b.mu.Lock()
	if err == nil {
		err = b.Store.Added(a)
	}
	b.err = errors.Join(b.err, err)
	b.adds = append(b.adds, float64(took))
	return true
}

// delete runs a DEL of the oldest, and reports whether there was one to run. From the moment it
// begins, its address may be given to others.
func (b *burst) delete(ctx context.Context) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.more(ctx) {
		return false
	}
	a := b.Store.Remove(0)
	b.mu.Unlock()
	took, err := b.Delete(a)
	b.mu.Lock()
	b.err = errors.Join(b.err, err)
	b.dels = append(b.dels, float64(took))
	return true
}
