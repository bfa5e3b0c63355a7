package storm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/stores"
)

// containersOf is the number of containers of each worker. Some may be abandoned and wait
// for a GC.
const containersOf = 2

// A worker starts one process after the other.
type worker struct {
	*storm
	rand         *rand.Rand
	containers   []*container
	plugin, tool performer
}

// perform performs the nth operation of the storm.
func (w *worker) perform(ctx context.Context, n int) error {
	switch {
	case w.migrates(n):
		return w.migrate(ctx)
	case n == w.Operations*3/5:
		return w.holdLockUntilCrowded(ctx)
	}
	usable := w.oracle.usable(w.containers)
	if len(usable) == 0 || w.rand.IntN(50) == 0 {
		return w.collect(ctx)
	}
	return w.operate(ctx, usable[w.rand.IntN(len(usable))])
}

// operate performs an operation on a container, which may be abandoned afterwards with its
// addresses not released.
func (w *worker) operate(ctx context.Context, c *container) error {
	o := w.oracle.begin(c, w.command(c.leaseState))
	err := w.oracle.end(o, w.plugin(ctx, o.request))
	if w.rand.IntN(10) == 0 {
		w.oracle.abandon(c)
	}
	return err
}

// command returns a random command, usually one that makes sense in the container's state.
func (w *worker) command(f leaseState) string {
	odds := map[leaseState][10]string{
		absent: {"ADD", "ADD", "ADD", "ADD", "ADD", "ADD", "ADD", "ADD", "CHECK", "DEL"},
		held:   {"DEL", "DEL", "DEL", "DEL", "CHECK", "CHECK", "CHECK", "CHECK", "CHECK", "ADD"},
		unsure: {"DEL", "DEL", "DEL", "DEL", "DEL", "DEL", "DEL", "ADD", "ADD", "ADD"},
	}[f]
	return odds[w.rand.IntN(len(odds))]
}

// collect runs GC with the plugin or leasehold.
func (w *worker) collect(ctx context.Context) error {
	by := w.plugin
	if w.rand.IntN(2) == 0 {
		by = w.tool
	}
	o := w.oracle.beginGC()
	return w.oracle.end(o, by(ctx, o.request))
}

// migrate migrates the network to the other store, repeating a migration that is killed.
func (w *worker) migrate(ctx context.Context) error {
	to, err := otherKind(w.network)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		cmd := w.network.Tool(w.programs.Leasehold, "migrate", faulttest.Name, "--to", to)
		killed, err := finish(ctx, cmd, w.started)
		if err != nil {
			return fmt.Errorf("leasehold migrate: %w", err)
		}
		w.oracle.migrated(killed)
		if !killed {
			return nil
		}
	}
	return nil
}

// started adds a new process to the set, and kills some of them later.
func (w *worker) started(p *os.Process) (ended func()) {
	ended = w.processSet.add(p)
	if w.rand.Float64() < w.Kills {
		w.processSet.killLater(w.rand, p)
	}
	return ended
}

// otherKind returns the store that the network does not have, or none if it has no store.
func otherKind(n faulttest.Network) (string, error) {
	kind, err := stores.KindAt(n.Path())
	switch kind {
	case config.Files:
		return config.Bolt, err
	case config.Bolt:
		return config.Files, err
	}
	return stores.None, err
}
