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

// containersOf is how many containers each worker has: some may be gone, and wait for
// a GC.
const containersOf = 2

// A worker has one process after the other do something.
type worker struct {
	*storm
	rand         *rand.Rand
	containers   []*container
	plugin, tool performer
}

// turn performs the n-th operation of the storm.
func (w *worker) turn(ctx context.Context, n int) error {
	switch {
	case w.migrates(n):
		return w.migrate(ctx)
	case n == w.Operations*3/5:
		return w.crowd(ctx)
	}
	usable := w.register.usable(w.containers)
	if len(usable) == 0 || w.rand.IntN(50) == 0 {
		return w.collect(ctx)
	}
	return w.operate(ctx, usable[w.rand.IntN(len(usable))])
}

// operate asks for something about a container, which afterwards may be gone without
// anybody's having released what it holds.
func (w *worker) operate(ctx context.Context, c *container) error {
	o := w.register.begin(c, w.command(c.fate))
	err := w.register.end(o, w.plugin(ctx, o.request))
	if w.rand.IntN(10) == 0 {
		w.register.abandon(c)
	}
	return err
}

// command returns one that makes sense for a container, or is as good as any that does not.
func (w *worker) command(f fate) string {
	odds := map[fate][10]string{
		absent: {"ADD", "ADD", "ADD", "ADD", "ADD", "ADD", "ADD", "ADD", "CHECK", "DEL"},
		held:   {"DEL", "DEL", "DEL", "DEL", "CHECK", "CHECK", "CHECK", "CHECK", "CHECK", "ADD"},
		unsure: {"DEL", "DEL", "DEL", "DEL", "DEL", "DEL", "DEL", "ADD", "ADD", "ADD"},
	}[f]
	return odds[w.rand.IntN(len(odds))]
}

// collect has the plugin or the tool collect garbage.
func (w *worker) collect(ctx context.Context) error {
	by := w.plugin
	if w.rand.IntN(2) == 0 {
		by = w.tool
	}
	o := w.register.beginGC()
	return w.register.end(o, by(ctx, o.request))
}

// migrate moves the network to the other kind of store, again if that was killed.
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
		w.register.migrated(killed)
		if !killed {
			return nil
		}
	}
	return nil
}

// started has some of the processes killed that are started.
func (w *worker) started(p *os.Process) (ended func()) {
	ended = w.living.enter(p)
	if w.rand.Float64() < w.Kills {
		w.living.doom(w.rand, p)
	}
	return ended
}

// otherKind returns the kind of store that does not stand there; none if neither does.
func otherKind(n faulttest.Network) (string, error) {
	kind, err := stores.Standing(n.Path())
	switch kind {
	case config.Files:
		return config.Bolt, err
	case config.Bolt:
		return config.Files, err
	}
	return stores.None, err
}
