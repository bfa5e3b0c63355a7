package damage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// Time limits of a command. A repair can create two million leases, if a flipped bit has
// made a run of a few addresses very long.
const (
	timeLimit       = 10 * time.Second
	repairTimeLimit = 2 * time.Minute
)

func (o request) timeLimit() time.Duration {
	if o.Command == repair || o.Command == repairAll {
		return repairTimeLimit
	}
	return timeLimit
}

// A worker is a process that performs requests. If a request kills it, it is started again
// for the next one.
type worker struct {
	t        testing.TB
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *json.Decoder
	errs     bytes.Buffer
	requests int
	number   int // index among the workers
}

func newWorker(t testing.TB) *worker {
	w := &worker{t: t}
	t.Cleanup(w.stop)
	return w
}

func (w *worker) start() {
	w.errs.Reset()
	exe, err := os.Executable()
	require.NoError(w.t, err)
	w.cmd = exec.Command(exe)
	w.cmd.Env = append(os.Environ(), workerEnv+"=1", "GOTRACEBACK=single")
	dieWithParent(w.cmd)
	w.cmd.Stderr = &w.errs
	w.in, err = w.cmd.StdinPipe()
	require.NoError(w.t, err)
	out, err := w.cmd.StdoutPipe()
	require.NoError(w.t, err)
	w.out = json.NewDecoder(out)
	require.NoError(w.t, w.cmd.Start())
}

// stop ends the process.
func (w *worker) stop() {
	if w.cmd == nil {
		return
	}
	// Errors only say that the process has ended.
	w.in.Close()
	w.cmd.Process.Kill()
	w.cmd.Wait()
	w.cmd, w.out = nil, nil
}

// do performs a request. It returns an error if the process dies or exceeds the time limit.
func (w *worker) do(o request) (answer, error) {
	if w.cmd == nil {
		w.start()
	}
	w.requests++
	process, late := w.cmd.Process, make(chan struct{})
	timer := time.AfterFunc(o.timeLimit(), func() {
		close(late)
		process.Kill() // This ends the wait below.
	})
	err := json.NewEncoder(w.in).Encode(o)
	var a answer
	if err == nil {
		err = w.out.Decode(&a)
	}
	if timer.Stop() && err == nil {
		return a, nil
	}
	ended := w.cmd.Wait()
	errs := w.errs.String()
	w.cmd, w.out = nil, nil
	select {
	case <-late:
		return a, fmt.Errorf("%s of %s: no answer within %v", o.Command, o.ID, o.timeLimit())
	default:
		return a, fmt.Errorf("%s of %s: %v, %w: %.600s", o.Command, o.ID, err, ended, errs)
	}
}

// workers runs fn for each item on two workers. Items are generated only when needed: all
// damaged files at once would not fit into memory.
func workers[T any](t *testing.T, items iter.Seq[T], fn func(w *worker, item T)) {
	t.Helper()
	faulttest.System(t)
	const n = 2
	queue := make(chan T)
	var all sync.WaitGroup
	for i := range n {
		w := newWorker(t)
		w.number = i
		all.Go(func() {
			for item := range queue {
				fn(w, item)
			}
		})
	}
	for item := range items {
		queue <- item
	}
	close(queue)
	all.Wait()
}
