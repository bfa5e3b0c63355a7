package bolt

import (
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
)

func TestPoolOfAClosedDBIsEmpty(t *testing.T) {
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, nil)
	require.NoError(t, err)
	pool := pagePool(db)
	require.NotNil(t, pool, "this version of bbolt has another pool, or none")
	require.Len(t, pool.Get(), db.Info().PageSize, "of pages")
	for range 8 {
		pool.Put(pool.New()) // The race detector has some of them thrown away.
	}
	require.NoError(t, db.Close())
	emptyPool(db)
	require.Nil(t, pool.Get())
}

// A program that collects garbage seldom does not collect the stores that it has closed.
func TestUpdatesLeaveNothingBehind(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	s, l := Open(filepath.Join(t.TempDir(), "net")), leaseOf("10.0.0.2", "a", 1)
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.Put(l) }))
	live := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	live() // What is put by is gone after the second time.
	before := live()
	for range 50 {
		require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.Delete(l.Addr) }))
		require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.Put(l) }))
	}
	require.Less(t, live(), before+100*4096, "less than a page for each update")
}
