//go:build linux

package powercut

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/stores"
)

// Options set how much is tried. The zero value tries a few thousand images.
type Options struct {
	// States is the wanted number of different images, over all workloads. Every moment of
	// every workload is tried in any case.
	States int

	// Keep is the directory for a bad image. By default it is a new temporary directory.
	Keep string

	// Child is the path of a program that calls [Child], which checks the images. By default it
	// is this one.
	Child string
}

// A Report sums up what was tried.
type Report struct {
	Workloads int
	Events    int // changes, syncs and promises; power was cut after each
	Cuts      int // images that were compared with the promises
	States    int // different images, each used by a checker
	Torn      int // images with a torn cursor
	Elapsed   time.Duration
}

func (r Report) String() string {
	return fmt.Sprintf("%d workloads, %d events, %d cuts, %d different images (%d with a torn cursor) in %v, %.0f images/s",
		r.Workloads, r.Events, r.Cuts, r.States, r.Torn, r.Elapsed.Round(time.Millisecond), float64(r.States)/r.Elapsed.Seconds())
}

func (r *Report) add(p *player) {
	r.Workloads++
	r.Events += len(p.history) - p.start
	r.Cuts += p.cuts
	r.States += len(p.answers)
	r.Torn += p.torn
}

// Run records the workloads and cuts the power. It returns a [*BadImage] for the first
// image that fails.
func Run(ctx context.Context, p faulttest.Programs, all []Workload, o Options) (total Report, err error) {
	start := time.Now()
	defer func() { total.Elapsed = time.Since(start) }()
	c, err := newChecker(o.Child)
	if err != nil {
		return total, err
	}
	defer c.close()
	for i, w := range all {
		wanted := (o.States - total.States) / (len(all) - i) // Later workloads make up for earlier ones.
		if err := w.run(ctx, p, c, wanted, o, &total); err != nil {
			return total, fmt.Errorf("%s: %w", w.Name, err)
		}
	}
	return total, nil
}

// run works in a directory in memory, so that it does not depend on how long a sync takes.
func (w Workload) run(ctx context.Context, p faulttest.Programs, c *checker, wanted int, o Options, total *Report) error {
	dir, err := os.MkdirTemp(tmpfsDir(), "leasehold-powercut-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) // An error only leaves temporary files behind.
	r, start, err := w.record(ctx, p, dir)
	if err != nil {
		return err
	}
	pl := newPlayer(w, r.history, start, c, dir, o.Keep)
	err = pl.playUntil(ctx, wanted)
	total.add(pl)
	return err
}

func tmpfsDir() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return os.TempDir()
}

// dataDir is the data directory, relative to the recorded directory. It does not exist
// unless the workload prepares a store.
const dataDir = "var/networks"

// record records the steps. It returns the recorder and the number of events before the
// first step.
func (w Workload) record(ctx context.Context, p faulttest.Programs, dir string) (r *recorder, start int, err error) {
	root, vault := filepath.Join(dir, "disk"), filepath.Join(dir, "vault")
	if err := errors.Join(os.Mkdir(root, 0o755), os.Mkdir(vault, 0o755)); err != nil {
		return nil, 0, err
	}
	n := w.network
	n.Dir = filepath.Join(root, dataDir)
	promised, err := w.prepare(ctx, n)
	if err != nil {
		return nil, 0, fmt.Errorf("prepare: %w", err)
	}
	if r, err = newRecorder(w.configured(n), p, root, vault); err != nil {
		return nil, 0, err
	}
	r.append(promised...)
	start = len(r.history)
	for i, s := range w.steps {
		if err := s(r); err != nil {
			return nil, 0, fmt.Errorf("step %d: %w", i, err)
		}
	}
	return r, start, nil
}

// configured returns the network, without a backend if the workload migrates the store.
func (w Workload) configured(n faulttest.Network) faulttest.Network {
	if w.migrates {
		n.Backend = stores.None
	}
	return n
}

// prepare leases to the containers in before, and returns these promises.
func (w Workload) prepare(ctx context.Context, n faulttest.Network) (promised []event, err error) {
	for _, id := range w.before {
		addrs, err := n.Add(id)
		if err != nil {
			return nil, err
		}
		promised = append(promised, leased{id, addrs})
	}
	kind, err := stores.KindAt(n.Path())
	return append(promised, moved{kind}), err
}
