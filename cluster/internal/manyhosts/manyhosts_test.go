package manyhosts

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/hostlocal"
)

// churn starts and ends containers on a host, at random, until stop is closed. It returns those that
// run in the end. may says which codes an ADD may fail with.
func (h *host) churn(worker int, random *rand.Rand, stop <-chan struct{}, may ...uint) map[string]netip.Addr {
	running, last := map[string]netip.Addr{}, 0
	for {
		select {
		case <-stop:
			return running
		default:
		}
		if h.gives && random.IntN(10) == 0 {
			if _, err := h.cluster("give-back", "net").Output(); err != nil {
				exit := (*exec.ExitError)(nil)
				if !errors.As(err, &exit) || exit.ExitCode() != 2 { // The servers may be away.
					h.t.Errorf("give-back on %s: %v", h.name, err)
				}
			}
		}
		if len(running) > 0 && random.IntN(5) < 2 {
			for id, addr := range running {
				delete(running, id)
				if err := h.del(id, addr); err != nil {
					h.t.Errorf("DEL on %s: %v", h.name, err)
				}
				break
			}
			continue
		}
		last++
		id := fmt.Sprintf("c%d-%d", worker, last)
		addr, err := h.add(id)
		switch {
		case err == nil:
			running[id] = addr
			h.added.Add(1)
		case !contains(may, code(h.t, err)):
			h.t.Errorf("ADD on %s: %v", h.name, err)
		}
	}
}

func contains(codes []uint, code uint) bool {
	for _, c := range codes {
		if c == code {
			return true
		}
	}
	return false
}

// during has all hosts start and end containers while fn runs, and then ends those that run. The history
// of all that they have answered must be linearizable.
func (w *world) during(seed uint64, fn func(), may ...uint) {
	w.t.Helper()
	require.NotZero(w.t, w.meanwhile(seed, fn, may...))
}

// meanwhile is during, and returns how many containers were started; on a busy machine none, if fn is quick.
func (w *world) meanwhile(seed uint64, fn func(), may ...uint) (started int64) {
	w.t.Helper()
	const workers = 2
	stop := make(chan struct{})
	var all sync.WaitGroup
	for i, h := range w.hosts {
		for worker := range workers {
			all.Go(func() {
				random := rand.New(rand.NewPCG(seed, uint64(i*workers+worker)))
				for id, addr := range h.churn(worker, random, stop, may...) {
					if err := h.del(id, addr); err != nil {
						w.t.Errorf("DEL on %s: %v", h.name, err)
					}
				}
			})
		}
	}
	before := w.added.Load()
	fn()
	close(stop)
	all.Wait()
	w.nothingTwice()
	w.list()
	w.t.Logf("%d containers were started", w.added.Load()-before)
	return w.added.Load() - before
}

// Three hosts share a range. Servers come and go; no container waits for them while its host has
// addresses in hand, and no address is ever on two hosts.
func TestThreeHosts(t *testing.T) {
	seed := faulttest.Seed(t)
	servers := etcdtest.StartAll(t, 3)
	w := newWorld(t, 3, servers...)
	while := 2 * time.Second
	if faulttest.Exhaustive() {
		while = time.Minute
	}
	t.Log("the servers are there")
	w.during(seed, func() { time.Sleep(while) }, hostlocal.CodeExhausted)
	t.Log("one of them is killed, and then another")
	w.during(seed+1, func() {
		for _, s := range servers {
			s.Kill()
			time.Sleep(while / 2)
			s.Start()
		}
	}, hostlocal.CodeExhausted, hostlocal.CodeTryAgain)
	t.Log("all are stopped for a while")
	w.during(seed+2, func() {
		for _, s := range servers {
			s.Stop()
		}
		time.Sleep(while / 2)
		for _, s := range servers {
			s.Continue()
		}
		time.Sleep(while / 2)
	}, hostlocal.CodeExhausted, hostlocal.CodeTryAgain)
}

// While the servers are gone, a host leases what it has in hand, and releases; when they are back,
// the whole range can be leased, and no address of it twice.
func TestServersGone(t *testing.T) {
	server := etcdtest.Start(t)
	w := newWorld(t, 3, server)
	var first []netip.Addr
	for _, h := range w.hosts {
		addr, err := h.add("first")
		require.NoError(t, err)
		first = append(first, addr)
	}
	server.Kill()
	for i, h := range w.hosts {
		require.NoError(t, h.del("first", first[i]))
		n := 0
		for ; ; n++ {
			_, err := h.add(fmt.Sprint("while-away-", n))
			if err != nil {
				require.Equal(t, hostlocal.CodeTryAgain, code(t, err), "%v", err)
				require.ErrorContains(t, err, "no IP addresses available in range set")
				break
			}
		}
		require.GreaterOrEqual(t, n, 2, "a block has four addresses, of which two can be the gateway and the range's end")
	}
	w.nothingTwice()
	server.Start()

	full := map[uint]int{}
	for i := 0; len(full) == 0; i++ {
		for _, h := range w.hosts {
			_, err := h.add(fmt.Sprint("after-", i))
			if err != nil {
				full[code(t, err)]++
			}
		}
	}
	for _, h := range w.hosts { // The last addresses of one are no use to another.
		for i := 0; ; i++ {
			_, err := h.add(fmt.Sprint("last-", i))
			if err != nil {
				full[code(t, err)]++
				require.ErrorContains(t, err, "16 blocks: host")
				break
			}
		}
	}
	require.Len(t, full, 1)
	require.NotZero(t, full[hostlocal.CodeExhausted])
	require.Len(t, w.used, leasable)
	w.nothingTwice()
}

// A requested address is claimed with its block, unless another host holds that.
func TestRequestedAddress(t *testing.T) {
	w := newWorld(t, 2, etcdtest.Start(t))
	a, b := w.hosts[0], w.hosts[1]
	addr, err := a.add("c", "CNI_ARGS=IP=10.0.0.33")
	require.NoError(t, err)
	require.Equal(t, "10.0.0.33", addr.String())
	_, err = b.add("c", "CNI_ARGS=IP=10.0.0.34")
	require.Equal(t, hostlocal.CodeTaken, code(t, err))
	require.ErrorContains(t, err, "host host0 holds the block")
	require.NoError(t, a.del("c", addr))
	out, err := a.cluster("give-back", "net").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "10.0.0.32-10.0.0.35\n", string(out))
	_, err = b.add("c", "CNI_ARGS=IP=10.0.0.34")
	require.NoError(t, err)
	w.nothingTwice()
}

// Servers that were restored from a backup have forgotten who holds what. No host claims any more,
// and each goes on with what it has.
func TestRestoredServers(t *testing.T) {
	server := etcdtest.Start(t)
	w := newWorld(t, 2, server)
	a, b := w.hosts[0], w.hosts[1]
	snapshot := server.Snapshot()
	_, err := a.add("before")
	require.NoError(t, err)
	server.Restore(snapshot)
	_, err = b.add("c")
	require.Equal(t, hostlocal.CodeTryAgain, code(t, err))
	require.ErrorContains(t, err, "restored from a backup")
	_, err = a.add("after")
	require.NoError(t, err, "it has addresses in hand")
	w.nothingTwice()
}

// A host is ready once the servers have confirmed in this boot what it holds.
func TestStatus(t *testing.T) {
	server := etcdtest.Start(t)
	w := newWorld(t, 1, server)
	server.Kill()
	_, err := w.hosts[0].plugin("STATUS", "")
	require.EqualValues(t, 50, code(t, err))
	server.Start()
	_, err = w.hosts[0].plugin("STATUS", "")
	require.NoError(t, err)
	server.Kill()
	_, err = w.hosts[0].plugin("STATUS", "")
	require.NoError(t, err, "it was confirmed in this boot")
}

// After a reboot a host leases nothing, also of what it has in hand, before the servers have
// confirmed that it still holds it; and if it was evicted meanwhile, not then either.
func TestReboot(t *testing.T) {
	server := etcdtest.Start(t)
	w := newWorld(t, 2, server)
	a, b := w.hosts[0], w.hosts[1]
	addr, err := a.add("first")
	require.NoError(t, err)
	a.reboot()
	server.Kill()
	_, err = a.add("second")
	require.Equal(t, hostlocal.CodeTryAgain, code(t, err))
	require.ErrorContains(t, err, "they have not confirmed its addresses since the machine was booted")
	require.NoError(t, a.del("first", addr), "a container can always be deleted")
	server.Start()
	_, err = a.add("third")
	require.NoError(t, err)

	a.reboot()
	w.evict(server, a)
	w.used = map[netip.Addr]string{} // It was switched off, and its containers with it.
	for i := range leasable {
		if _, err := b.add(fmt.Sprint("c", i)); err != nil {
			require.Equal(t, hostlocal.CodeExhausted, code(t, err))
			break
		}
	}
	_, err = a.add("fourth")
	require.Equal(t, hostlocal.CodeNotMember, code(t, err))
	require.ErrorContains(t, err, "it was evicted from the space")
	_, err = a.add("fourth")
	require.Equal(t, hostlocal.CodeNotMember, code(t, err), "again, without the servers")
	require.Len(t, w.used, leasable)
}
