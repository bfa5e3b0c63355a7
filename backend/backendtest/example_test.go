package backendtest_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/backendtest"
	"github.com/leasehold/leasehold/backend/memory"
)

// A counting store is an example of a custom store: it wraps another one and counts
// transactions.
type counting struct {
	backend.Store
	views, updates atomic.Int64
}

func (c *counting) View(ctx context.Context, fn func(backend.ReadTx) error) error {
	c.views.Add(1)
	return c.Store.View(ctx, fn)
}

func (c *counting) Update(ctx context.Context, fn func(backend.Tx) error) error {
	c.updates.Add(1)
	return c.Store.Update(ctx, fn)
}

// TestCounting is all that the author of a store writes to test it. A store on disk opens
// path, sets Persistent, and calls [backendtest.Main] in TestMain, for the tests that kill
// processes.
func TestCounting(t *testing.T) {
	store := new(counting)
	open := func(path string) (backend.Store, error) {
		store = &counting{Store: memory.New()}
		return store, nil
	}
	backendtest.Run(t, backendtest.Options{Open: open, KeepsDetails: true})
	require.Positive(t, store.views.Load()+store.updates.Load())
}
