package peers

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/measure"
)

func subnets(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// eachKind runs a test on a store of either kind, single and dual stack.
func eachKind(t *testing.T, test func(t *testing.T, s *Store)) {
	for _, kind := range []string{Files, Bolt} {
		t.Run(kind, func(t *testing.T) {
			test(t, NewStore(kind, t.TempDir(), subnets("10.0.0.0/16")...))
		})
		t.Run(kind+" dual stack", func(t *testing.T) {
			test(t, NewStore(kind, t.TempDir(), subnets("10.0.0.0/16", "fd00::/64")...))
		})
	}
}

func TestGrow(t *testing.T) {
	eachKind(t, func(t *testing.T, s *Store) {
		for _, fill := range []int{0, 5, 5, 140} {
			require.NoError(t, s.Grow(t.Context(), fill, 1))
			require.Equal(t, fill, s.Len())
			require.NoError(t, s.Verify(t.Context()))
		}
		require.Equal(t, measure.Container(0), s.At(0).Container)
		next, ok := s.Next()
		require.True(t, ok)
		require.Equal(t, measure.Container(140), next.Container)
		require.Equal(t, "10.0.0.142", next.Addrs[0].String())
	})
}

func TestGrowSparse(t *testing.T) {
	eachKind(t, func(t *testing.T, s *Store) {
		require.NoError(t, s.Grow(t.Context(), 120, 16))
		require.NoError(t, s.Verify(t.Context()))
		require.Equal(t, "10.0.0.17", s.At(0).Addrs[0].String())
		require.Equal(t, "10.0.7.129", s.At(119).Addrs[0].String())
	})
}

// Of a pool that is too small nothing is promised but an error.
func TestGrowEnds(t *testing.T) {
	s := NewStore(Files, t.TempDir(), subnets("10.0.0.0/29")...)
	require.NoError(t, s.Grow(t.Context(), 5, 1))
	_, ok := s.Next()
	require.False(t, ok)
	require.Error(t, s.Grow(t.Context(), 6, 1))
}

// To the byte: a fill that looks otherwise could be slower, or faster, to read.
func TestFilesAreTheStockPlugins(t *testing.T) {
	s := NewStore(Files, t.TempDir(), subnets("10.0.0.0/16", "fd00::/64")...)
	require.NoError(t, s.Grow(t.Context(), 2, 1))
	for name, want := range map[string]string{
		"10.0.0.2":           measure.Container(0).ID() + "\r\neth0",
		"10.0.0.3":           measure.Container(1).ID() + "\r\neth0",
		"fd00::2":            measure.Container(0).ID() + "\r\neth0",
		"fd00::3":            measure.Container(1).ID() + "\r\neth0",
		"last_reserved_ip.0": "10.0.0.3",
		"last_reserved_ip.1": "fd00::3",
	} {
		got, err := os.ReadFile(filepath.Join(s.Network.Path(), name))
		require.NoError(t, err)
		require.Equal(t, want, string(got), name)
	}
	entries, err := os.ReadDir(s.Network.Path())
	require.NoError(t, err)
	require.Len(t, entries, 6)
}

func TestAddedAndRemove(t *testing.T) {
	s := NewStore(Files, t.TempDir(), subnets("10.0.0.0/16")...)
	require.NoError(t, s.Grow(t.Context(), 4, 1))
	third := s.At(2)
	require.Equal(t, third, s.Remove(2))
	require.Equal(t, measure.Container(0), s.Remove(0).Container)
	require.Equal(t, 2, s.Len())
	require.Equal(t, measure.Container(3), s.At(1).Container)

	require.Equal(t, measure.Container(4), s.Newcomer())
	require.Equal(t, measure.Container(5), s.Newcomer())
	require.NoError(t, s.Added(Attachment{Container: 4, Addrs: third.Addrs}))
	require.ErrorContains(t, s.Added(Attachment{Container: 5, Addrs: third.Addrs}), "10.0.0.4 is leased already")
	next, ok := s.Next()
	require.True(t, ok)
	require.Equal(t, measure.Container(6), next.Container, "each container comes once")
	require.Equal(t, "10.0.0.6", next.Addrs[0].String(), "10.0.0.5 is leased")
}

// A plugin that answers what is expected but does something else is detected.
func TestVerify(t *testing.T) {
	eachKind(t, func(t *testing.T, s *Store) {
		require.NoError(t, s.Grow(t.Context(), 3, 1))
		next, _ := s.Next()
		require.NoError(t, s.Added(next))
		require.ErrorContains(t, s.Verify(t.Context()), `is leased to "", want "`+next.Container.ID())
		s.Remove(3)
		require.NoError(t, s.Verify(t.Context()))
		s.Remove(0)
		require.ErrorContains(t, s.Verify(t.Context()), "leases, want ")
	})
}

func TestDiskUsage(t *testing.T) {
	eachKind(t, func(t *testing.T, s *Store) {
		none, err := s.DiskUsage()
		require.NoError(t, err)
		require.Zero(t, none)
		require.NoError(t, s.Grow(t.Context(), 100, 1))
		some, err := s.DiskUsage()
		require.NoError(t, err)
		require.Greater(t, some, int64(100*len(measure.Container(0).ID())))
	})
}
