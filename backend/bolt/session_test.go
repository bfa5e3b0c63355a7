package bolt

import (
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// A program that collects garbage seldom must not keep the pages of closed stores.
func TestUpdatesLeaveNothingBehind(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	s, l := Open(filepath.Join(t.TempDir(), "net")), full
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.Put(l) }))
	live := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	live() // What a pool holds is gone after the second collection.
	before := live()
	for range 50 {
		require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.Delete(l.Addr) }))
		require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.Put(l) }))
	}
	require.Less(t, live(), before+100*4096, "less than a page for each update")
}
