package stores_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/stores"
)

// A store can be exchanged, and exchanged back, between any two checks of its path.
func TestFollowDuringManyExchanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net")
	other := path + "-other"
	fill(t, path, config.Bolt, "10.0.0.1")
	fill(t, other, config.Files, "10.0.0.1")
	if err := durable.Exchange(path, other); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system, or its file system, cannot exchange names")
	}
	var exchanging sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	exchanging.Go(func() {
		for ctx.Err() == nil {
			assert.NoError(t, durable.Exchange(path, other))
		}
	})
	defer exchanging.Wait()
	defer stop()

	s, _, err := stores.Open(path, stores.None)
	require.NoError(t, err)
	transactions, checks := 2000, 300
	if testing.Short() {
		transactions, checks = 500, 75
	}
	for range transactions {
		require.NoError(t, s.Update(t.Context(), func(backend.Tx) error { return nil }))
		require.NoError(t, s.View(t.Context(), func(backend.ReadTx) error { return nil }))
	}
	for range checks {
		require.NoError(t, stores.Verify(t.Context(), path))
	}
}
