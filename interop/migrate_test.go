package interop

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/migrate"
	"github.com/leasehold/leasehold/internal/stores"
)

// Stock and our plugin use one directory while it is migrated to bolt. Our plugin
// continues, and stock, which may be waiting for the directory's lock, leases nothing
// afterwards. All leases from before the migration are kept.
func TestMigrateUnderStock(t *testing.T) {
	n := network{dir: t.TempDir(), ipam: `"ranges": [[{"subnet": "10.16.0.0/16"}], [{"subnet": "fd00::/64"}]]`}
	h := holders{held: map[netip.Addr]attachment{}}
	var moved atomic.Bool
	var all sync.WaitGroup
	errs := make(chan error, 6)
	var byStock, after atomic.Int32
	for i := range cap(errs) {
		p := stock()
		if i%2 == 1 {
			p = ours()
		}
		all.Go(func() {
			for j := 0; !moved.Load() || j%8 != 0; j++ {
				wasMoved := moved.Load()
				who := attachment{fmt.Sprintf("c%d-%d", i, j), "eth0"}
				a, err := p.run(n.call("ADD", who))
				if err == nil && a.ok {
					err = h.record(a, who)
				}
				if err != nil {
					errs <- err
					return
				}
				switch {
				case a.ok && p == stock() && !wasMoved:
					byStock.Add(1)
				case a.ok && wasMoved:
					after.Add(1)
				case !a.ok && p == ours():
					errs <- fmt.Errorf("ours: %v", a)
					return
				}
			}
		})
	}
	require.Eventually(t, func() bool { return byStock.Load() >= 20 }, time.Minute, time.Millisecond)
	_, err := migrate.Run(t.Context(), n.path(), migrate.Options{To: config.Bolt, LockTimeout: time.Minute, Now: time.Now()})
	require.NoError(t, err)
	moved.Store(true)
	all.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.Positive(t, after.Load(), "our plugin continues")

	got := map[netip.Addr]attachment{}
	require.NoError(t, stores.Follow(n.path()).View(t.Context(), func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			require.NoError(t, err)
			got[l.Addr] = attachment{l.Owner.ContainerID, l.Owner.IfName}
		}
		return nil
	}))
	for addr, who := range h.held {
		require.Equal(t, who, got[addr], addr)
	}
	// A stock ADD whose second address failed has released the first one, or failed to
	// because of the file in place of the directory.
	extra := maps.Clone(got)
	maps.DeleteFunc(extra, func(addr netip.Addr, _ attachment) bool { _, held := h.held[addr]; return held })
	require.LessOrEqual(t, len(extra), 2*3, "%v", extra)
	late := stock().mustRun(t, n.call("ADD", attachment{"late", "eth0"}))
	require.False(t, late.ok)
	require.Contains(t, late.refusal().Msg, "not a directory")
}

// Stock does not use a replaced directory either, if it is mounted elsewhere, until the
// network is migrated back.
func TestStockInAReplacedDirectory(t *testing.T) {
	n := network{dir: t.TempDir(), ipam: `"subnet": "10.16.0.0/24"`}
	require.True(t, stock().mustRun(t, n.call("ADD", attachment{"one", "eth0"})).ok)
	r, err := migrate.Run(t.Context(), n.path(), migrate.Options{To: config.Bolt, LockTimeout: time.Minute, Now: time.Now()})
	require.NoError(t, err)
	there := n
	there.dir = t.TempDir()
	require.NoError(t, os.Rename(r.Aside, there.path()), "as a mount would show it")
	for _, command := range []string{"ADD", "DEL"} {
		a := stock().mustRun(t, there.call(command, attachment{"two", "eth0"}))
		require.False(t, a.ok, command)
		require.Contains(t, a.refusal().Msg, "is a directory")
	}
	a := ours().mustRun(t, there.call("ADD", attachment{"two", "eth0"}))
	require.False(t, a.ok)
	require.EqualValues(t, 103, a.refusal().Code)

	taken, err := exchange.At(there.path()).TakeBack(t.Context())
	require.NoError(t, err)
	require.True(t, taken)
	require.True(t, stock().mustRun(t, there.call("ADD", attachment{"two", "eth0"})).ok)
	require.True(t, ours().mustRun(t, there.call("ADD", attachment{"three", "eth0"})).ok)
}

// record records the result of an ADD.
func (h *holders) record(a answer, who attachment) error {
	addrs, err := a.addrs()
	if err != nil {
		return err
	}
	return h.claim(addrs, who)
}
