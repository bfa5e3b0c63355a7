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
)

// How long a command may take. A repair can have to make two million leases, where a flipped
// bit has made a run of a few addresses one of more than there are.
const (
	patience       = 10 * time.Second
	repairPatience = 2 * time.Minute
)

func (o order) patience() time.Duration {
	if o.Command == repair || o.Command == repairAll {
		return repairPatience
	}
	return patience
}

// A worker is the process that carries out orders. When one kills it, the next gets
// another.
type worker struct {
	t      testing.TB
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *json.Decoder
	errs   bytes.Buffer
	orders int
	number int // of this one among the workers
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
	w.cmd.Env = append(os.Environ(), asWorker+"=1", "GOTRACEBACK=single")
	dieWithParent(w.cmd)
	w.cmd.Stderr = &w.errs
	w.in, err = w.cmd.StdinPipe()
	require.NoError(w.t, err)
	out, err := w.cmd.StdoutPipe()
	require.NoError(w.t, err)
	w.out = json.NewDecoder(out)
	require.NoError(w.t, w.cmd.Start())
}

// stop ends the process, whatever it is doing.
func (w *worker) stop() {
	if w.cmd == nil {
		return
	}
	w.in.Close()         // It may be gone already,
	w.cmd.Process.Kill() // and so may this be in vain;
	w.cmd.Wait()         // that it was killed is no news.
	w.cmd, w.out = nil, nil
}

// do has an order carried out. An error says that this took too long, or the process.
func (w *worker) do(o order) (answer, error) {
	if w.cmd == nil {
		w.start()
	}
	w.orders++
	process, late := w.cmd.Process, make(chan struct{})
	timer := time.AfterFunc(o.patience(), func() {
		close(late)
		process.Kill() // It ends the wait below.
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
		return a, fmt.Errorf("%s of %s: no answer in %v", o.Command, o.ID, o.patience())
	default:
		return a, fmt.Errorf("%s of %s: %v, %w: %.600s", o.Command, o.ID, err, ended, errs)
	}
}

// workers shares out items among two workers, each item when its turn comes: all damaged
// files at once would fill the memory.
func workers[T any](t *testing.T, items iter.Seq[T], fn func(w *worker, item T)) {
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
