package interop

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// holders tracks which attachment holds each address, according to the results of the
// plugins.
type holders struct {
	mu   sync.Mutex
	held map[netip.Addr]attachment
}

// claim records the addresses that an ADD returned.
func (h *holders) claim(addrs []netip.Addr, who attachment) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, addr := range addrs {
		if other, taken := h.held[addr]; taken {
			return fmt.Errorf("%s was given to %v, but %v holds it", addr, who, other)
		}
		h.held[addr] = who
	}
	return nil
}

// release records a DEL. Call it before the DEL, because others may get the address from
// then on.
func (h *holders) release(addrs []netip.Addr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, addr := range addrs {
		delete(h.held, addr)
	}
}

// A worker adds and deletes one container repeatedly.
type worker struct {
	net     network
	who     attachment
	holders *holders
	rng     *rand.Rand
	kills   bool // kill our plugin sometimes
	killed  int
}

func (w *worker) loop(n int) error {
	for range n {
		if err := w.once(); err != nil {
			return err
		}
	}
	return nil
}

// once runs ADD with one plugin and DEL with the other.
func (w *worker) once() error {
	add, del := stock(), ours()
	if w.rng.IntN(2) == 0 {
		add, del = del, add
	}
	a, err := w.run(add, "ADD")
	if err != nil {
		return err
	}
	if a.killed {
		return errors.Join(w.checkAtomic(), w.delete(add))
	}
	addrs, err := a.addrs()
	if err != nil {
		return err
	}
	if err := w.holds(addrs); err != nil {
		return fmt.Errorf("after ADD by %s: %w", add.name, err)
	}
	w.holders.release(addrs)
	return w.delete(del)
}

// checkAtomic checks that a killed ADD left all of its leases or none, after our plugin has
// held the lock again.
func (w *worker) checkAtomic() error {
	recovery, err := ours().run(w.net.call("DEL", attachment{"nobody", "eth0"}))
	if err != nil || !recovery.ok {
		return fmt.Errorf("DEL: %s, %w", recovery, err)
	}
	entries, err := os.ReadDir(w.net.path())
	if err != nil {
		return err
	}
	held := 0
	for _, e := range entries {
		if _, err := netip.ParseAddr(e.Name()); err != nil {
			continue // not a lease
		}
		text, err := os.ReadFile(filepath.Join(w.net.path(), e.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if string(text) == leaseFile(w.who) {
			held++
		}
	}
	if held != 0 && held != 2 {
		return fmt.Errorf("a killed ADD left %d of 2 leases\n%v", held, entries)
	}
	return nil
}

// delete runs DEL, and repeats a killed one with either plugin.
func (w *worker) delete(p plugin) error {
	a, err := w.run(p, "DEL")
	for err == nil && a.killed {
		a, err = w.run([]plugin{stock(), ours()}[w.rng.IntN(2)], "DEL")
	}
	return err
}

// run runs a command that must succeed unless it is killed. Stock is never killed: it would
// leave an empty file, and its address would be lost.
func (w *worker) run(p plugin, command string) (answer, error) {
	c := w.net.call(command, w.who)
	if w.kills && p.name == ours().name && w.rng.IntN(2) == 0 {
		c.kill = w.killer()
	}
	a, err := p.run(c)
	if err == nil && a.killed {
		w.killed++
	}
	if err == nil && !a.ok && !a.killed {
		err = fmt.Errorf("%s by %s: %s", command, p.name, a)
	}
	return a, err
}

// killer returns when to kill: at a random time, or in the middle of a transaction, which
// is too short to be hit by chance.
func (w *worker) killer() func() bool {
	end := time.Now().Add(time.Duration(w.rng.Int64N(int64(20 * time.Millisecond))))
	if w.rng.IntN(3) == 0 {
		return func() bool { return time.Now().After(end) }
	}
	journal := filepath.Join(w.net.path(), "last_reserved_ip..leasehold-undo")
	return func() bool {
		_, err := os.Lstat(journal)
		return err == nil
	}
}

// holds checks that only this container has the addresses, according to the results and the
// directory.
func (w *worker) holds(addrs []netip.Addr) error {
	if len(addrs) != 2 {
		return fmt.Errorf("want one address of each family, got %v", addrs)
	}
	if err := w.holders.claim(addrs, w.who); err != nil {
		return err
	}
	for _, addr := range addrs {
		text, err := os.ReadFile(filepath.Join(w.net.path(), addr.String()))
		if err != nil {
			return err
		}
		if string(text) != leaseFile(w.who) {
			return fmt.Errorf("the lease file of %s holds %q", addr, text)
		}
	}
	return nil
}

// runWorkers adds and deletes containers concurrently, n times each, and returns the number
// of killed plugins.
func runWorkers(t *testing.T, net network, containers, n int, kills bool) int {
	t.Helper()
	shared := &holders{held: make(map[netip.Addr]attachment)}
	workers, errs := make([]worker, containers), make([]error, containers)
	var running sync.WaitGroup
	for i := range workers {
		workers[i] = worker{net: net, who: attachment{fmt.Sprintf("container-%d", i), "eth0"},
			holders: shared, rng: rand.New(rand.NewPCG(uint64(i), 0)), kills: kills}
		running.Go(func() { errs[i] = workers[i].loop(n) })
	}
	running.Wait()
	killed := 0
	for i, err := range errs {
		require.NoError(t, err, workers[i].who.id)
		killed += workers[i].killed
	}
	return killed
}

// The pool has few more addresses than there are workers, so addresses change hands often.
func TestConcurrent(t *testing.T) {
	net := network{dir: t.TempDir(), ipam: `"ranges": [
		[{"subnet": "10.1.2.0/28"}, {"subnet": "10.1.3.0/29"}],
		[{"subnet": "fd00::/123", "rangeEnd": "fd00::12"}]]`}
	require.Zero(t, runWorkers(t, net, 16, rounds(24), false))
	require.Empty(t, litter(t, net.path()), "all addresses have been released")
	require.FileExists(t, filepath.Join(net.path(), "lock"))
}

// Our plugin can be killed at any time, and stock, which does not know the journal, can get
// the lock next. Still no address is held twice or lost, and our next ADD cleans up.
func TestConcurrentKilled(t *testing.T) {
	net := network{dir: t.TempDir(), ipam: `"ranges": [[{"subnet": "10.1.2.0/25"}], [{"subnet": "fd00::/121"}]]`}
	killed := runWorkers(t, net, 4, rounds(60), true)
	t.Log(killed, "kills")
	require.NotZero(t, killed)
	for _, command := range []string{"ADD", "DEL"} {
		ours().mustDo(t, net.call(command, attachment{"last", "eth0"}))
	}
	require.Empty(t, litter(t, net.path()), "all addresses have been released")
}
