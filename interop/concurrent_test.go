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

// holders is who holds an address by the results that the plugins gave.
type holders struct {
	mu   sync.Mutex
	held map[netip.Addr]attachment
}

// claim notes what an ADD has returned.
func (h *holders) claim(addrs []netip.Addr, who attachment) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, addr := range addrs {
		if other, taken := h.held[addr]; taken {
			return fmt.Errorf("%s was given to %v, and is held by %v", addr, who, other)
		}
		h.held[addr] = who
	}
	return nil
}

// yield is to be called before the DEL: from then on others may get the address.
func (h *holders) yield(addrs []netip.Addr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, addr := range addrs {
		delete(h.held, addr)
	}
}

// A worker attaches and detaches one container again and again.
type worker struct {
	net     network
	who     attachment
	holders *holders
	rng     *rand.Rand
	kills   bool // kill ours now and then
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

// once adds with one plugin and deletes with the other.
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
		return errors.Join(w.allOrNothing(), w.delete(add))
	}
	addrs, err := a.addrs()
	if err != nil {
		return err
	}
	if err := w.holds(addrs); err != nil {
		return fmt.Errorf("after ADD by %s: %w", add.name, err)
	}
	w.holders.yield(addrs)
	return w.delete(del)
}

// allOrNothing makes sure that of an ADD that was killed, once another of ours has
// had the lock, all leases are there or none.
func (w *worker) allOrNothing() error {
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
		return fmt.Errorf("%d of 2 leases are left of an ADD that was killed\n%v", held, entries)
	}
	return nil
}

// delete repeats a DEL that was killed, by whichever plugin.
func (w *worker) delete(p plugin) error {
	a, err := w.run(p, "DEL")
	for err == nil && a.killed {
		a, err = w.run([]plugin{stock(), ours()}[w.rng.IntN(2)], "DEL")
	}
	return err
}

// run returns an answer that is good, or of a plugin that was killed. Stock is
// never killed: it would leave an empty file, and the address would be lost.
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

// killer picks when to kill: at some time, or when some transaction is in its
// middle, which is so short that it would hardly ever be met by chance.
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

// holds makes sure that the addresses are the container's, and its alone, by the
// results and by the directory.
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

// together lets containers come and go at once, n times each, and returns how many
// plugins were killed.
func together(t *testing.T, net network, containers, n int, kills bool) int {
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

// The pool has room for few more than sixteen, so that addresses go from hand to
// hand.
func TestTogether(t *testing.T) {
	net := network{dir: t.TempDir(), ipam: `"ranges": [
		[{"subnet": "10.1.2.0/28"}, {"subnet": "10.1.3.0/29"}],
		[{"subnet": "fd00::/123", "rangeEnd": "fd00::12"}]]`}
	require.Zero(t, together(t, net, 16, rounds(24), false))
	require.Empty(t, litter(t, net.path()), "all addresses have been released")
	require.FileExists(t, filepath.Join(net.path(), "lock"))
}

// Ours may be killed at any time, and stock, which knows nothing of the way back,
// be the next to take the lock: still no address is held twice and none is lost,
// and the next ADD of ours cleans up.
func TestTogetherKilled(t *testing.T) {
	net := network{dir: t.TempDir(), ipam: `"ranges": [[{"subnet": "10.1.2.0/25"}], [{"subnet": "fd00::/121"}]]`}
	killed := together(t, net, 4, rounds(60), true)
	t.Log(killed, "were killed")
	require.NotZero(t, killed)
	for _, command := range []string{"ADD", "DEL"} {
		ours().mustDo(t, net.call(command, attachment{"last", "eth0"}))
	}
	require.Empty(t, litter(t, net.path()), "all addresses have been released")
}
