package backendtest

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leasehold/leasehold/backend"
)

// HoldingAll returns a function that opens stores which are shared and hold every address.
// They meet the same contract as stores that are not shared.
func HoldingAll(open Open) Open {
	return func(path string) (backend.Store, error) {
		s, err := open(path)
		return holdingAll{s}, err
	}
}

// A holdingAll is a store that the first Update makes a shared one.
type holdingAll struct{ backend.Store }

func (s holdingAll) Update(ctx context.Context, fn func(backend.Tx) error) error {
	return s.Store.Update(ctx, func(tx backend.Tx) error {
		if err := holdAll(tx); err != nil {
			return err
		}
		return fn(tx)
	})
}

func holdAll(tx backend.Tx) error {
	if m, err := tx.Membership(); err != nil || !m.IsZero() {
		return err
	}
	shared, err := backend.AsShared(tx)
	if err != nil {
		return err
	}
	return errors.Join(shared.SetMembership(member()),
		shared.PutBlock(block(first4, last4, backend.Open)), shared.PutBlock(block(first6, last6, backend.Open)))
}

// member returns a membership with every field set.
func member() backend.Membership {
	return backend.Membership{
		Cluster: "dc1", Space: "pods", Host: "node-1", Incarnation: backend.Mark{1, 15: 0xff}, Sequence: 1 << 40,
		Intent:   backend.Intent{Action: "claim", Mark: backend.Mark{2}, Boot: "boot"},
		Attested: "5b2f7c9e-8a51-4cf8-9b43-0f1e6d0c2a77", Machine: "m", Stopped: "é",
		Seen: backend.Sighting{Cluster: 1<<64 - 1, Revision: 1<<63 - 1, At: 1_700_000_000, Recovery: 1<<64 - 1, Space: backend.Mark{4, 15: 4}},
	}
}

func block(first, last string, state backend.BlockState) backend.Block {
	return backend.Block{First: ip(first), Last: ip(last), State: state, Mark: backend.Mark{3}}
}

// share makes the store of f a shared one with blocks.
func (f *fixture) share(blocks ...backend.Block) {
	f.Helper()
	f.updateShared(func(tx backend.SharedTx) error { return putBlocks(tx, blocks) })
}

// updateShared calls fn in an Update of a store that it makes a shared one.
func (f *fixture) updateShared(fn func(backend.SharedTx) error) {
	f.Helper()
	f.update(func(tx backend.Tx) error {
		shared, err := backend.AsShared(tx)
		require.NoError(f, err)
		require.NoError(f, shared.SetMembership(member()))
		return fn(shared)
	})
}

func putBlocks(tx backend.SharedTx, blocks []backend.Block) error {
	for _, b := range blocks {
		if err := tx.PutBlock(b); err != nil {
			return err
		}
	}
	return nil
}

// requireShared requires what the store shares to be as described, also in another Store.
func (f *fixture) requireShared(m backend.Membership, blocks ...backend.Block) {
	f.Helper()
	for _, h := range f.handles() {
		require.NoError(f, h.View(f.ctx, func(tx backend.ReadTx) error {
			got, err := tx.Membership()
			require.NoError(f, err)
			require.Equal(f, m, got, h.name)
			all, err := backend.Blocks(tx)
			require.NoError(f, err)
			require.Equal(f, blocks, all, h.name)
			return nil
		}))
	}
}

func clausesOfShared(c contract) {
	c.clause("has the zero Membership and no blocks at first", func(f *fixture) {
		f.requireShared(backend.Membership{})
		f.put(leased("10.0.0.1")...)
		f.requireShared(backend.Membership{})
	})
	c.clause("keeps every field of a membership", func(f *fixture) {
		f.share()
		f.requireShared(member())
	})
	c.clause("replaces the membership", func(f *fixture) {
		f.share()
		want := backend.Membership{Stopped: "evicted"}
		f.updateShared(func(tx backend.SharedTx) error { return tx.SetMembership(want) })
		f.requireShared(want)
	})
	c.clause("keeps the blocks in ascending order", keepsBlocks)
	c.clause("keeps its leases when it becomes shared and when it is no longer", keepsLeases)
	c.clause("leases nothing without an open block", leasesNothing)
	c.clause("leases only from open blocks", leasesFromOpenBlocks)
	c.clause("returns ErrExists, not ErrNotHeld, for a leased address", func(f *fixture) {
		f.put(leased("10.0.0.1")...)
		f.share()
		f.update(func(tx backend.Tx) error {
			require.ErrorIs(f, tx.Put(leased("10.0.0.1")[0]), backend.ErrExists)
			return nil
		})
	})
	c.clause("releases leases outside the open blocks", func(f *fixture) {
		f.put(leased("10.0.0.1", "10.0.0.9")...)
		f.share(block("10.0.0.0", "10.0.0.3", backend.Closing))
		f.update(deleteAll)
		require.Empty(f, f.addrs())
	})
	c.clause("undoes everything when fn fails", undoesShared)
	c.clause("refuses blocks that overlap", refusesOverlap)
	c.clause("refuses blocks that are invalid", refusesBlocks)
	c.clause("refuses to remove a block with leases, unless it is only requested", refusesToRemove)
	c.clause("refuses to end the membership while there are blocks", refusesToEnd)
	c.clause("refuses use after the transaction", sharedEnded)
	c.clause("finds the only free address behind many full blocks", behindFullBlocks)
	c.t.Run("leases at random as a map does", func(t *testing.T) { randomShared(t, c.o) })
}

func keepsBlocks(f *fixture) {
	want := []backend.Block{
		block("0.0.0.0", "0.0.0.0", backend.Open),
		block("10.0.0.0", "10.0.0.15", backend.Requested),
		block("255.255.255.0", last4, backend.Closing),
		block(first6, "::f", backend.Open),
		block("fd00::", last6, backend.Open),
	}
	f.share(want[4], want[0], want[3], want[1], want[2])
	f.requireShared(member(), want...)
	f.view(func(tx backend.ReadTx) error {
		for from, n := range map[string]int{"0.0.0.1": 1, "10.0.0.0": 1, "10.0.0.1": 2, "::1": 4, "fd00::1": 5} {
			got := []backend.Block{}
			for b, err := range tx.Blocks(ip(from)) {
				require.NoError(f, err)
				got = append(got, b)
			}
			require.Equal(f, want[n:], got, from)
		}
		return nil
	})
	want[1].State, want[1].Mark = backend.Open, backend.Mark{4}
	f.updateShared(func(tx backend.SharedTx) error {
		require.NoError(f, tx.PutBlock(want[1]))
		require.NoError(f, tx.DeleteBlock(ip("10.0.0.1")), "in the middle of a block")
		require.NoError(f, tx.DeleteBlock(ip("10.0.1.0")), "in no block")
		return tx.DeleteBlock(want[3].First)
	})
	f.requireShared(member(), want[0], want[1], want[2], want[4])
}

func keepsLeases(f *fixture) {
	f.update(fill)
	f.share(block(first4, last4, backend.Open))
	require.Equal(f, filled(f.Options), f.state())
	f.updateShared(func(tx backend.SharedTx) error {
		require.NoError(f, tx.PutBlock(block(first4, last4, backend.Requested)))
		require.NoError(f, tx.DeleteBlock(ip(first4)))
		return tx.SetMembership(backend.Membership{})
	})
	f.requireShared(backend.Membership{})
	require.Equal(f, filled(f.Options), f.state())
	f.put(leased("10.99.0.1")...)
}

func leasesNothing(f *fixture) {
	f.share(block("10.0.0.0", "10.0.0.3", backend.Requested), block("10.0.0.4", "10.0.0.7", backend.Closing))
	f.update(func(tx backend.Tx) error {
		for _, r := range [][2]string{{first4, last4}, {first6, last6}, {"10.0.0.1", "10.0.0.1"}} {
			requireNextFree(f, tx, r[0], r[1], "")
			require.ErrorIs(f, tx.Put(leased(r[0])[0]), backend.ErrNotHeld)
		}
		return nil
	})
	require.Empty(f, f.addrs())
}

func leasesFromOpenBlocks(f *fixture) {
	f.share(block("10.0.0.4", "10.0.0.7", backend.Open), block("10.0.0.8", "10.0.0.11", backend.Closing),
		block("10.0.0.12", "10.0.0.13", backend.Open), block("::8", "::9", backend.Open))
	f.update(func(tx backend.Tx) error {
		for _, want := range []string{"10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.12", "10.0.0.13", ""} {
			requireNextFree(f, tx, "10.0.0.0", "10.0.0.255", want)
			if want != "" {
				require.NoError(f, tx.Put(leased(want)[0]))
			}
		}
		requireNextFree(f, tx, "::", "::ff", "::8")
		for _, addr := range []string{"10.0.0.3", "10.0.0.8", "10.0.0.11", "10.0.0.14", "::7", "::a", "a00:4::"} {
			require.ErrorIs(f, tx.Put(leased(addr)[0]), backend.ErrNotHeld, addr)
			require.ErrorContains(f, tx.Put(leased(addr)[0]), addr)
		}
		return nil
	})
	f.update(func(tx backend.Tx) error { return deleteEach(tx, leased("10.0.0.6", "10.0.0.12")) })
	f.update(func(tx backend.Tx) error {
		requireNextFree(f, tx, "10.0.0.0", "10.0.0.255", "10.0.0.6")
		requireNextFree(f, tx, "10.0.0.7", "10.0.0.255", "10.0.0.12")
		requireNextFree(f, tx, "10.0.0.0", "10.0.0.5", "")
		requireNextFree(f, tx, "10.0.0.13", "10.0.0.255", "")
		return nil
	})
	f.updateShared(func(tx backend.SharedTx) error {
		require.NoError(f, tx.PutBlock(block("10.0.0.4", "10.0.0.7", backend.Closing)))
		requireNextFree(f, tx, "10.0.0.0", "10.0.0.255", "10.0.0.12")
		require.NoError(f, tx.PutBlock(block("10.0.0.8", "10.0.0.11", backend.Open)))
		requireNextFree(f, tx, "10.0.0.0", "10.0.0.255", "10.0.0.8")
		return nil
	})
}

func undoesShared(f *fixture) {
	failed := errors.New("failed")
	change := func(tx backend.Tx) error {
		shared, err := backend.AsShared(tx)
		require.NoError(f, err)
		m := member()
		m.Sequence++
		require.NoError(f, shared.SetMembership(m))
		require.NoError(f, shared.PutBlock(block("10.0.0.0", "10.0.0.1", backend.Open)))
		require.NoError(f, tx.Put(leased("10.0.0.0")[0]))
		require.NoError(f, tx.Put(leased("10.0.0.1")[0]))
		require.NoError(f, shared.DeleteBlock(ip("10.0.0.8")))
		return failed
	}
	require.ErrorIs(f, f.store.Update(f.ctx, change), failed)
	f.requireShared(backend.Membership{})
	want := block("10.0.0.8", "10.0.0.9", backend.Open)
	f.share(want)
	require.ErrorIs(f, f.store.Update(f.ctx, change), failed)
	f.requireShared(member(), want)
	require.Empty(f, f.addrs())
}

func refusesOverlap(f *fixture) {
	have := []backend.Block{block("10.0.0.8", "10.0.0.15", backend.Open), block("::", "::f", backend.Open)}
	f.share(have...)
	f.updateShared(func(tx backend.SharedTx) error {
		for _, b := range []backend.Block{
			block("10.0.0.8", "10.0.0.9", backend.Open), block("10.0.0.0", "10.0.0.8", backend.Open),
			block("10.0.0.15", "10.0.0.16", backend.Open), block("10.0.0.9", "10.0.0.10", backend.Open),
			block(first4, last4, backend.Open), block("::f", "::f", backend.Closing),
		} {
			require.ErrorIs(f, tx.PutBlock(b), backend.ErrInvalid, b)
			require.ErrorContains(f, tx.PutBlock(b), b.String())
		}
		return nil
	})
	f.requireShared(member(), have...)
}

func refusesBlocks(f *fixture) {
	f.update(func(tx backend.Tx) error {
		shared, err := backend.AsShared(tx)
		require.NoError(f, err)
		require.ErrorIs(f, shared.PutBlock(block("10.0.0.0", "10.0.0.1", backend.Open)), backend.ErrInvalid, "not shared")
		require.NoError(f, shared.DeleteBlock(ip("10.0.0.0")))
		return nil
	})
	f.updateShared(func(tx backend.SharedTx) error {
		for _, b := range []backend.Block{
			{}, block("10.0.0.1", "10.0.0.0", backend.Open), block("10.0.0.1", "::1", backend.Open),
			block("::ffff:10.0.0.1", "::ffff:10.0.0.2", backend.Open),
			block("10.0.0.0", "10.0.0.1", 0), block("10.0.0.0", "10.0.0.1", backend.Closing+1),
		} {
			require.ErrorIs(f, tx.PutBlock(b), backend.ErrInvalid, b)
		}
		require.ErrorIs(f, tx.DeleteBlock(netip.Addr{}), backend.ErrInvalid)
		require.ErrorIs(f, tx.SetMembership(backend.Membership{Host: "a\nb"}), backend.ErrInvalid)
		return nil
	})
	f.requireShared(member())
}

func refusesToRemove(f *fixture) {
	f.share(block("10.0.0.0", "10.0.0.7", backend.Open), block("10.0.0.8", "10.0.0.15", backend.Open))
	f.put(leased("10.0.0.7")...)
	for _, state := range []backend.BlockState{backend.Open, backend.Closing} {
		f.updateShared(func(tx backend.SharedTx) error {
			require.NoError(f, tx.PutBlock(block("10.0.0.0", "10.0.0.7", state)))
			err := tx.DeleteBlock(ip("10.0.0.0"))
			require.ErrorIs(f, err, backend.ErrLeased)
			require.ErrorContains(f, err, "10.0.0.7")
			return nil
		})
	}
	f.updateShared(func(tx backend.SharedTx) error {
		require.NoError(f, tx.DeleteBlock(ip("10.0.0.8")), "without a lease")
		require.NoError(f, tx.PutBlock(block("10.0.0.0", "10.0.0.7", backend.Requested)))
		return tx.DeleteBlock(ip("10.0.0.0"))
	})
	f.requireShared(member())
	require.Equal(f, []netip.Addr{ip("10.0.0.7")}, f.addrs())
}

func refusesToEnd(f *fixture) {
	have := block("10.0.0.8", "10.0.0.15", backend.Requested)
	f.share(have)
	f.updateShared(func(tx backend.SharedTx) error {
		err := tx.SetMembership(backend.Membership{})
		require.ErrorIs(f, err, backend.ErrInvalid)
		require.ErrorContains(f, err, have.String())
		return nil
	})
	f.requireShared(member(), have)
}

func sharedEnded(f *fixture) {
	var leaked backend.SharedTx
	f.updateShared(func(tx backend.SharedTx) error { leaked = tx; return nil })
	_, err := leaked.Membership()
	require.ErrorIs(f, err, backend.ErrInvalid)
	_, err = backend.Blocks(leaked)
	require.ErrorIs(f, err, backend.ErrInvalid)
	require.ErrorIs(f, leaked.SetMembership(backend.Membership{}), backend.ErrInvalid)
	require.ErrorIs(f, leaked.PutBlock(block("10.0.0.0", "10.0.0.1", backend.Open)), backend.ErrInvalid)
	require.ErrorIs(f, leaked.DeleteBlock(ip("10.0.0.0")), backend.ErrInvalid)
	f.requireShared(member())
}

// behindFullBlocks has many blocks of one address, as a host has that claims single addresses.
func behindFullBlocks(f *fixture) {
	const n = 500
	f.updateShared(func(tx backend.SharedTx) error {
		addr := ip("10.0.0.0")
		for range n {
			if err := tx.PutBlock(block(addr.String(), addr.String(), backend.Open)); err != nil {
				return err
			}
			if err := tx.Put(lease(addr, eth0)); err != nil {
				return err
			}
			addr = addr.Next().Next()
		}
		requireNextFree(f, tx, first4, last4, "")
		return nil
	})
	for _, free := range []string{"10.0.0.0", "10.0.1.200", "10.0.3.230"} {
		f.update(func(tx backend.Tx) error { return tx.Delete(ip(free)) })
		f.view(func(tx backend.ReadTx) error {
			requireNextFree(f, tx, first4, last4, free)
			return nil
		})
		f.put(lease(ip(free), eth0))
	}
}

// A sharedModel is what a shared store of 64 addresses has, kept as simply as possible.
type sharedModel struct {
	leased [64]bool
	state  [64]backend.BlockState // of the block that an address is in; 0: in none
}

func (m *sharedModel) nextFree(from, to int) (int, bool) {
	for i := from; i <= to; i++ {
		if !m.leased[i] && m.state[i] == backend.Open {
			return i, true
		}
	}
	return 0, false
}

// randomShared compares a shared store with a model after the same operations, some of which
// are undone. Blocks have four addresses.
func randomShared(t *testing.T, o Options) {
	dir, runs := t.TempDir(), 0
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}) }
	rapid.Check(t, func(t *rapid.T) {
		runs++
		path := filepath.Join(dir, strconv.Itoa(runs))
		s, err := o.Open(path)
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		var model sharedModel
		step := func(tx backend.SharedTx, m *sharedModel) {
			i := rapid.IntRange(0, 63).Draw(t, "address")
			first := i &^ 3
			switch rapid.IntRange(0, 5).Draw(t, "operation") {
			case 0, 1:
				err := tx.Put(lease(at(i), eth0))
				require.Equal(t, !m.leased[i] && m.state[i] == backend.Open, err == nil, "Put: %v", err)
				m.leased[i] = m.leased[i] || err == nil
			case 2:
				require.NoError(t, tx.Delete(at(i)))
				m.leased[i] = false
			case 3:
				state := backend.BlockState(rapid.IntRange(1, 3).Draw(t, "state"))
				require.NoError(t, tx.PutBlock(backend.Block{First: at(first), Last: at(first + 3), State: state}))
				for j := range 4 {
					m.state[first+j] = state
				}
			case 4:
				err := tx.DeleteBlock(at(first))
				inUse := slices.Contains(m.leased[first:first+4], true) && m.state[first] > backend.Requested
				require.Equal(t, inUse, errors.Is(err, backend.ErrLeased), "DeleteBlock: %v", err)
				if err == nil {
					clear(m.state[first : first+4])
				}
			case 5:
				to := rapid.IntRange(i, 63).Draw(t, "to")
				got, err := tx.NextFree(at(i), at(to))
				want, ok := m.nextFree(i, to)
				require.Equal(t, ok, err == nil, "NextFree: %v", err)
				require.True(t, !ok || got == at(want), "NextFree(%d, %d): %s, want %d", i, to, got, want)
			}
		}
		for range rapid.IntRange(1, 8).Draw(t, "transactions") {
			m, failed := model, errors.New("undo")
			undo := rapid.Bool().Draw(t, "undo")
			err := s.Update(t.Context(), func(tx backend.Tx) error {
				shared, err := backend.AsShared(tx)
				require.NoError(t, err)
				require.NoError(t, shared.SetMembership(member()))
				for range rapid.IntRange(1, 20).Draw(t, "steps") {
					step(shared, &m)
				}
				if undo {
					return failed
				}
				return nil
			})
			if undo {
				require.ErrorIs(t, err, failed)
				continue
			}
			require.NoError(t, err)
			model = m
		}
		o.check(t, path)
	})
}
