package backendtest

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

func clausesOfClose(c contract) {
	for _, of := range []struct {
		name string
		call call
	}{
		{"View", callView},
		{"Update", callUpdate},
	} {
		c.clause("makes later calls of "+of.name+" return ErrClosed and not call fn", func(f *fixture) {
			f.update(fill)
			require.NoError(f, f.store.Close())
			err := of.call(f.ctx, f.store, func() { f.Error("fn was called") })
			require.ErrorIs(f, err, backend.ErrClosed)
			f.namesPath(err)
		})
		c.clause("makes later calls of "+of.name+" return ErrClosed even while the lock is held", func(f *fixture) {
			f.update(fill)
			release := f.hold(callUpdate)
			require.NoError(f, f.soon(f.store.Close))
			ctx, cancel := context.WithTimeout(f.ctx, 2*instant)
			defer cancel()
			require.ErrorIs(f, of.call(ctx, f.store, func() { f.Error("fn was called") }), backend.ErrClosed)
			release()
		})
		c.clause("does not wait for "+of.name+", which finishes normally", func(f *fixture) {
			f.update(fill)
			release := f.hold(of.call)
			require.NoError(f, f.soon(f.store.Close))
			release()
		})
	}
	c.clause("does nothing the second time", func(f *fixture) {
		f.update(fill)
		require.NoError(f, f.store.Close())
		require.NoError(f, f.store.Close())
	})
	c.clause("of a store that was never used succeeds", func(f *fixture) {
		require.NoError(f, f.store.Close())
	})
}

// clausesOfPath are about a path and the Stores that open it.
func clausesOfPath(c contract) {
	c.clause("keeps leases, owners, cursors and boot until it is opened again", func(f *fixture) {
		f.update(fill)
		f.reopen()
		require.Equal(f, filled(f.Options), f.state())
		f.view(func(tx backend.ReadTx) error {
			owned, err := tx.OwnedBy(eth0)
			require.Len(f, owned, 2)
			return err
		})
	})
	c.clause("shows the writes of other Stores that have it open", func(f *fixture) {
		f.state()
		other := f.another()
		require.NoError(f, other.Update(f.ctx, fill))
		require.Equal(f, filled(f.Options), f.state())
	})
	c.clause("stays open for others when one Store is closed", func(f *fixture) {
		other := f.another()
		require.NoError(f, other.Update(f.ctx, fill))
		require.NoError(f, other.Close())
		require.Equal(f, filled(f.Options), f.state())
		f.put(leased("10.0.0.2")...)
	})
	c.clause("keeps the writes of an Update during which the Store was closed", func(f *fixture) {
		f.update(func(tx backend.Tx) error {
			require.NoError(f, f.soon(f.store.Close))
			return fill(tx)
		})
		f.store = f.another()
		require.Equal(f, filled(f.Options), f.state())
	})
}
