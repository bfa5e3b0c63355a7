package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/container"
	"github.com/leasehold/leasehold/bench/compare/internal/store"
)

func eachKind(t *testing.T, test func(t *testing.T, s *store.Store)) {
	for _, kind := range []store.Kind{store.Files, store.Bolt} {
		t.Run(string(kind), func(t *testing.T) {
			test(t, store.New(kind, container.Network{DataDir: t.TempDir()}))
		})
	}
}

func TestGrow(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		for _, fill := range []int{0, 5, 5, 40} {
			require.NoError(t, s.Grow(t.Context(), fill))
			require.Equal(t, fill, s.Len())
			require.NoError(t, s.Verify(t.Context()))
		}
		require.Equal(t, container.Container(0), s.Oldest())
		require.Equal(t, container.Container(40), s.Newcomer())
	})
}

// A plugin that answers what is expected of it but does something else is found
// out.
func TestVerify(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		require.NoError(t, s.Grow(t.Context(), 3))
		s.Added()
		require.ErrorContains(t, s.Verify(t.Context()), "10.0.0.5 is not leased")
		s.Removed()
		require.ErrorContains(t, s.Verify(t.Context()), "10.0.0.2 is leased")
	})
}

func TestOnDisk(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		none, err := s.OnDisk()
		require.NoError(t, err)
		require.Zero(t, none)
		require.NoError(t, s.Grow(t.Context(), 100))
		some, err := s.OnDisk()
		require.NoError(t, err)
		require.Greater(t, some, int64(100*len(container.Container(0).ID())))
	})
}
