package parts

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/plot"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

func crowd() Part {
	return Part{
		Name: "crowd",
		Text: `Many processes at once, as after a reboot or when a node is drained: when one ends, the next
is started, by turns an ADD of a new container and a DEL of the oldest, for some hundreds of
commands. Every process waits for the lock of the store. "bolt-polling" is the same plugin
as bolt except for its lock: it polls every 50 ms, as bbolt does by default. The empty
program, which needs no lock, shows how fast processes can be started at all.`,
		Pairs: []report.Pair{
			{Of: peers.Stock, To: peers.Bolt}, {Of: peers.Stock, To: peers.Files}, {Of: peers.Polling, To: peers.Bolt},
		},
		Run:    func(ctx context.Context, e *Env) error { return newCrowdPlan(e).run(ctx, e) },
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

type crowdPlan struct {
	fills    []int
	crowds   []int // numbers of processes at once
	commands int   // in a burst, at least
	rounds   int   // of bursts
}

func newCrowdPlan(e *Env) crowdPlan {
	return crowdPlan{
		fills:    pick(e, []int{110, 1_000}, []int{110}),
		crowds:   pick(e, []int{1, 8, 64, 256}, []int{1, 8, 64}),
		commands: pick(e, 512, 128),
		rounds:   e.times(5, 2),
	}
}

func (p crowdPlan) run(ctx context.Context, e *Env) error {
	subnets := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}
	return e.inEach(func(place, dir string) error {
		for _, fill := range p.fills {
			l := peers.NewLineup(e.Programs, fmt.Sprintf("%s/%d", dir, fill), subnets,
				peers.Stock, peers.Files, peers.Bolt, peers.Polling, peers.EmptyGo)
			if err := l.Fill(func(one *peers.Peer) error { return one.Store.Grow(ctx, fill) }); err != nil {
				return err
			}
			for _, atOnce := range p.crowds {
				k := samples.Key{FS: place, Leases: fill, AtOnce: atOnce}
				if err := e.play(ctx, l, k, 1, p.rounds, func(one *peers.Peer, keep keep) error {
					// Each process of the crowd runs an ADD and a DEL at least.
					b := &burst{peer: one, left: max(p.commands, 2*atOnce)}
					took, err := b.run(ctx, atOnce)
					b.keep(keep, took)
					return err
				}); err != nil {
					return fmt.Errorf("at %d leases, %d processes: %w", fill, atOnce, err)
				}
			}
		}
		return nil
	})
}

// A burst is commands of one peer, as many at once as there are workers: every worker runs
// an ADD, then a DEL of the oldest, and so on, and begins the next command as soon as one
// has ended.
type burst struct {
	peer *peers.Peer

	mu         sync.Mutex // guards the store of peer, and all below
	left       int
	err        error
	adds, dels []float64 // nanoseconds
}

// run runs as many commands as left, and returns how long all of them took together.
func (b *burst) run(ctx context.Context, workers int) (time.Duration, error) {
	began := time.Now()
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := 0; b.more(ctx); i++ {
				if i%2 == 0 {
					took, err := b.add()
					b.done(&b.adds, took, err)
				} else {
					took, err := b.delete()
					b.done(&b.dels, took, err)
				}
			}
		})
	}
	all.Wait()
	return time.Since(began), b.err
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

func (b *burst) done(times *[]float64, took time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = errors.Join(b.err, err)
	*times = append(*times, float64(took))
}

// keep keeps the throughput of a burst and quantiles of its times.
func (b *burst) keep(keep keep, took time.Duration) {
	keep("commands/s", float64(len(b.adds)+len(b.dels))/took.Seconds())
	for i, times := range [][]float64{b.adds, b.dels} {
		command := []string{"ADD", "DEL"}[i]
		keep(command+"-p50-ns", samples.Quantile(times, 0.5))
		keep(command+"-p99-ns", samples.Quantile(times, 0.99))
		keep(command+"-worst-ns", samples.Quantile(times, 1))
	}
}

// add runs an ADD. Which address it gives depends on the order of the processes; that no
// other container holds it does not.
func (b *burst) add() (time.Duration, error) {
	if b.peer.Store == nil {
		return b.peer.Add()
	}
	b.mu.Lock()
	a := peers.Attachment{Container: b.peer.Store.Newcomer()}
	b.mu.Unlock()
	run, err := b.peer.Execute("ADD", a)
	if err != nil {
		return 0, err
	}
	if a.Addrs, err = b.peer.Addrs(run.Output); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return run.Took, b.peer.Store.Added(a)
}

// delete runs a DEL of the oldest. From the moment it begins, its address may be given to
// others.
func (b *burst) delete() (time.Duration, error) {
	if b.peer.Store == nil {
		return b.peer.DeleteOldest()
	}
	b.mu.Lock()
	a := b.peer.Store.Remove(0)
	b.mu.Unlock()
	return b.peer.Silent("DEL", a)
}
