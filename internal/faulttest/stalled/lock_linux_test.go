package stalled

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/stores"
)

// A plugin that is stopped while it waits for the lock does not block others.
func TestStoppedWaiterBlocksNoOthers(t *testing.T) {
	forEachStore(t, func(t *testing.T, n faulttest.Network) {
		release := lock(t, n)
		waits := plugin(t, n, "ADD", "late", nil)
		waits.awaitCall(waitsForLock)
		waits.stop()
		release()
		works := n.With("lockTimeout", "10s")
		for range 3 {
			require.NoError(t, works.AddAndDel(holding(t, n)), "ADD and DEL")
			holding(t, works)
		}
		waits.resume()
		out, status := waits.answer()
		require.Zero(t, status, "%s", out)
		require.Contains(t, holding(t, n), "late")
	})
}

// A plugin that is stopped while it holds the lock blocks others until it continues.
func TestStoppedHolderBlocksOthers(t *testing.T) {
	forEachStore(t, func(t *testing.T, n faulttest.Network) {
		p := stoppedWithLock(t, n)
		_, err := n.With("lockTimeout", "100ms").Add("db")
		require.EqualValues(t, 11, faulttest.Code(err), "%v", err)
		p.resume()
		out, status := p.answer()
		require.Zero(t, status, "%s", out)
		addrs, err := faulttest.Addresses(out)
		require.NoError(t, err)
		got, err := n.Add("db")
		require.NoError(t, err)
		require.NotEqual(t, addrs, got)
		holding(t, n)
	})
}

// stoppedWithLock returns an ADD that is stopped while it holds the lock. It stops ADDs at
// varying times until one has the lock.
func stoppedWithLock(t *testing.T, n faulttest.Network) *process {
	t.Helper()
	for i := range 1000 {
		p := plugin(t, n, "ADD", fmt.Sprint("c", i), nil)
		time.Sleep(time.Duration(i%50*(1+i/50%8)) * 100 * time.Microsecond) // up to 5 ms, and up to 40 on a slow machine
		if p.tryToStop() {
			if p.hasLock() {
				return p
			}
			p.resume()
		}
		out, status := p.answer()
		require.Zero(t, status, "%s", out)
		require.NoError(t, n.Del(fmt.Sprint("c", i)))
	}
	t.Fatal("no process was stopped while it held the lock")
	return nil
}

// A plugin that waits for a reader of its answer holds no lock.
func TestUnreadAnswerHoldsNoLock(t *testing.T) {
	forEachStore(t, func(t *testing.T, n faulttest.Network) {
		r, w := fullPipe(t)
		cmd := n.Command(faulttest.Shared(t).HostLocal, "ADD", "slow", nil)
		cmd.Stdout = w
		p := &process{T: t, cmd: cmd, caller: r}
		p.begin(w)
		p.awaitCall(writesStdout)
		require.NoError(t, n.With("lockTimeout", "10s").AddAndDel(holding(t, n)))
		out, status := p.answer()
		require.Zero(t, status)
		addrs, err := faulttest.Addresses(bytes.TrimLeft(out, "\x00"))
		require.NoError(t, err)
		require.Equal(t, addrs, holding(t, n)["slow"])
	})
}

// flock grants a shared lock although a writer waits, so overlapping readers could starve
// it.
func TestReadersDoNotStarveWriter(t *testing.T) {
	forEachStore(t, func(t *testing.T, n faulttest.Network) {
		ctx, cancel := context.WithCancel(t.Context())
		var readers sync.WaitGroup
		for range 16 {
			readers.Go(func() {
				for ctx.Err() == nil {
					assert.NoError(t, stores.Follow(n.Path()).View(t.Context(), func(tx backend.ReadTx) error {
						time.Sleep(20 * time.Millisecond)
						_, err := tx.NextFree(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.9"))
						return err
					}))
				}
			})
		}
		writes := n.With("lockTimeout", "10s")
		writes.Program = faulttest.Shared(t).HostLocal
		for i := range 5 {
			_, err := writes.Add(fmt.Sprint("c", i))
			require.NoError(t, err)
		}
		cancel()
		readers.Wait()
	})
}

// Of two concurrent first ADDs whose configurations name different stores, one creates its
// store and the other fails with the usual error.
func TestFirstAddsOfDifferentStores(t *testing.T) {
	rounds := 60
	if faulttest.Exhaustive() {
		rounds = 2000
	}
	for range rounds {
		n := faulttest.Network{Dir: faulttest.Dir(t), Size: 9}
		var all []*process
		for i := range 6 {
			n.Backend = []string{"files", "bolt", ""}[i%3]
			all = append(all, plugin(t, n, "ADD", fmt.Sprint("c", i), nil))
		}
		added := 0
		for _, p := range all {
			out, status := p.answer()
			if status == 0 {
				added++
			} else {
				require.Contains(t, string(out), `"code": 103`)
				require.Contains(t, string(out), "leasehold migrate")
			}
		}
		require.Len(t, holding(t, n), added)
		require.GreaterOrEqual(t, added, 3, "all ADDs for one kind, and those without a backend")
		entries, err := os.ReadDir(n.Dir)
		require.NoError(t, err)
		require.Len(t, entries, 1, "%v", entries)
	}
}

// hasLock reports whether the process holds a flock.
func (p *process) hasLock() bool {
	p.Helper()
	locks, err := os.ReadFile("/proc/locks")
	require.NoError(p, err)
	for line := range strings.Lines(string(locks)) {
		f := strings.Fields(line)
		if len(f) > 4 && f[1] == "FLOCK" && f[4] == fmt.Sprint(p.cmd.Process.Pid) {
			return true
		}
	}
	return false
}
