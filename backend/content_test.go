package backend_test

import (
	"errors"
	"iter"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// lease returns a lease with every field set.
func lease(addr string) backend.Lease {
	return backend.Lease{
		Addr:  ip(addr),
		Owner: backend.Owner{ContainerID: "c " + addr, IfName: "eth0"},
		Since: time.Date(2025, 2, 28, 23, 59, 58, 0, time.UTC),
		Boot:  "5b2f7c9e",
		Pod:   backend.Pod{Namespace: "default", Name: "web-0"},
		Netns: "/run/netns/c",
	}
}

// readAll returns all leases up to the first error.
func readAll(c backend.Content) (all []backend.Lease, err error) {
	for l, err := range c.Leases {
		if err != nil {
			return all, err
		}
		all = append(all, l)
	}
	return all, nil
}

func TestContentOf(t *testing.T) {
	store := memory.New()
	bare := backend.Lease{Addr: ip("10.0.0.2"), Owner: backend.Owner{ContainerID: "old"}}
	leases := []backend.Lease{lease("10.0.0.1"), bare, lease("fd00::1")}
	cursors := map[string]netip.Addr{"0": ip("10.0.0.2"), "1": ip("fd00::1")}
	require.NoError(t, store.Update(t.Context(), func(tx backend.Tx) error {
		for _, l := range leases {
			require.NoError(t, tx.Put(l))
		}
		for set, addr := range cursors {
			require.NoError(t, tx.SetCursor(set, addr))
		}
		return tx.SetLastSearch("5b2f7c9e")
	}))
	require.NoError(t, store.Tear(ip("10.0.0.3")))
	require.NoError(t, store.View(t.Context(), func(tx backend.ReadTx) error {
		c, err := backend.ContentOf(tx)
		require.NoError(t, err)
		require.Equal(t, cursors, c.Cursors)
		require.Equal(t, "5b2f7c9e", c.LastSearch)
		got, err := readAll(c)
		require.NoError(t, err)
		require.Equal(t, leases, got, "without the torn lease")
		return nil
	}))
}

// failing is a view in which one method fails.
type failing struct {
	backend.ReadTx
	leases, cursors, boot error
}

func (f failing) Leases(from netip.Addr) iter.Seq2[backend.Lease, error] {
	if f.leases == nil {
		return f.ReadTx.Leases(from)
	}
	return func(yield func(backend.Lease, error) bool) { yield(backend.Lease{}, f.leases) }
}

func (f failing) Cursors() (map[string]netip.Addr, error) {
	if f.cursors == nil {
		return f.ReadTx.Cursors()
	}
	return nil, f.cursors
}

func (f failing) LastSearch() (string, error) {
	if f.boot == nil {
		return f.ReadTx.LastSearch()
	}
	return "", f.boot
}

func TestContentOfReturnsErrors(t *testing.T) {
	unreadable := errors.New("unreadable")
	for name, tx := range map[string]failing{
		"leases":  {leases: unreadable},
		"cursors": {cursors: unreadable},
		"boot":    {boot: unreadable},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, memory.New().View(t.Context(), func(view backend.ReadTx) error {
				tx.ReadTx = view
				c, err := backend.ContentOf(tx)
				if err == nil {
					_, err = readAll(c)
				}
				require.ErrorIs(t, err, unreadable)
				return nil
			}))
		})
	}
}
