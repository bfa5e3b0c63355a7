package migrate

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/stores"
)

// hold locks a place until release is called.
func hold(t *testing.T, path string) (release func()) {
	t.Helper()
	release, err := exchange.At(path).Lock(t.Context())
	require.NoError(t, err)
	return release
}

// A program that waits for the lock of the place keeps no plugin waiting.
func TestPlaceIsLockedBeforeStore(t *testing.T) {
	for name, run := range map[string]func(context.Context, string) error{
		"migrate": func(ctx context.Context, path string) error {
			_, err := Run(ctx, path, Options{To: config.Files, LockTimeout: time.Hour, Now: now})
			return err
		},
		"repair": func(ctx context.Context, path string) error {
			_, err := Repair(ctx, path, RepairOptions{LockTimeout: time.Hour, Now: now})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := create(t, config.Bolt, sample())
			release := hold(t, path)
			done := make(chan error, 1)
			go func() { done <- run(t.Context(), path) }()
			time.Sleep(50 * time.Millisecond) // by now it most likely waits
			waiting, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			require.NoError(t, stores.Follow(path).Update(waiting, func(backend.Tx) error { return nil }))
			release()
			require.NoError(t, <-done)
		})
	}
}

// A migration of one network does not wait for a migration of another.
func TestPlaceLockIsPerNetwork(t *testing.T) {
	path := create(t, config.Files, sample())
	defer hold(t, path+"-other")()
	_, err := Run(t.Context(), path, Options{To: config.Bolt, LockTimeout: time.Minute, Now: now})
	require.NoError(t, err)

	release := hold(t, path)
	_, err = Run(t.Context(), path, Options{To: config.Files, LockTimeout: 10 * time.Millisecond, Now: now})
	busy := (*BusyError)(nil)
	require.ErrorAs(t, err, &busy)
	require.ErrorIs(t, err, backend.ErrBusy)
	require.Equal(t, path[:len(path)-len("podnet")]+".leasehold/podnet.lock", busy.Lock)
	release()
}
