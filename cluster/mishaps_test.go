package cluster_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	leases "github.com/leasehold/leasehold/backend/memory"
	"github.com/leasehold/leasehold/cluster"
)

// A restored engine is believed by no host, whether or not it has seen more.
func TestRestore(t *testing.T) {
	e := newSpace(t)
	a, b, late := newHost(t, e, "a"), newHost(t, e, "b"), &host{store: leases.New(), engine: e, name: "c"}
	backup := e.Backup()
	a.claim(t, cluster.Want{Set: four(t), Blocks: 4})
	e.Restore(backup)
	_, err := b.Claim(t.Context(), cluster.Want{Set: four(t), Blocks: 4})
	require.ErrorIs(t, err, cluster.ErrHalted)
	require.ErrorContains(t, err, "halted by b: the servers were restored from a backup")
	_, blocks := b.state(t)
	require.Empty(t, blocks)
	late.boot("boot1")
	require.ErrorIs(t, late.Join(t.Context(), "dc1", "pods", "c"), cluster.ErrHalted)
	require.ErrorIs(t, a.Audit(t.Context()), cluster.ErrHalted)
	h, err := cluster.NewAdmin(e, prefix).Halted(t.Context(), "pods")
	require.NoError(t, err)
	require.Equal(t, "b", h.By)
	m, blocks := a.state(t)
	require.Empty(t, m.Stopped, "it goes on leasing from its blocks")
	require.Len(t, blocks, 4)
	_, err = cluster.NewAdmin(e, prefix).Evict(t.Context(), "pods", hostNamed(t, e, "a"))
	require.ErrorIs(t, err, cluster.ErrHalted)
}

// In a halted space nothing is granted or given back, whether it was halted before a request or
// while the request was made.
func TestHalted(t *testing.T) {
	requests := map[string]func(context.Context, *host) error{
		"claim": func(ctx context.Context, a *host) error {
			_, err := a.Claim(ctx, cluster.Want{Set: four(t), Blocks: 2})
			return err
		},
		"give back": func(ctx context.Context, a *host) error {
			_, err := a.GiveBack(ctx, 0)
			return err
		},
		"attest": func(ctx context.Context, a *host) error {
			a.boot("boot2")
			return a.Attest(ctx)
		},
	}
	for what, request := range requests {
		for _, during := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, during %v", what, during), func(t *testing.T) {
				e := newSpace(t)
				a := newHost(t, e, "a")
				a.claim(t, cluster.Want{Set: four(t), Blocks: 1})
				if during {
					a.engine = halting{e}
					a.boot("boot1")
				} else {
					halt(t.Context(), e)
				}
				require.ErrorIs(t, request(t.Context(), a), cluster.ErrHalted)
				held, err := cluster.NewAdmin(e, prefix).Blocks(t.Context(), "pods")
				require.NoError(t, err)
				require.Len(t, held, 1)
				require.Equal(t, "boot1", hostNamed(t, e, "a").Boot)
				m, _ := a.state(t)
				require.Equal(t, "boot1", m.Attested)
			})
		}
	}
}

// halt halts the space, as another host or an operator does.
func halt(ctx context.Context, e cluster.Engine) {
	value := []byte(`{"V": 1, "By": "operator", "Text": "maintenance"}`)
	if _, err := e.Commit(ctx, cluster.Txn{Then: []cluster.Op{cluster.Put(prefix+"/1/pods/halt", value)}}); err != nil {
		panic(err) // The engine in memory fails only when told to.
	}
}

// halting halts the space just before a commit that writes.
type halting struct{ cluster.Engine }

func (h halting) Commit(ctx context.Context, t cluster.Txn) (cluster.Outcome, error) {
	if len(t.Then) > 0 && t.Then[0].Kind == cluster.PutOp {
		halt(ctx, h.Engine)
	}
	return h.Engine.Commit(ctx, t)
}

// Someone has removed keys.
func TestAuditFindsALostBlock(t *testing.T) {
	e := newSpace(t)
	a := newHost(t, e, "a")
	got := a.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	found, err := e.Range(t.Context(), prefix+"/1/pods/of/", prefix+"/1/pods/of0", false)
	require.NoError(t, err)
	require.Len(t, found, 1)
	_, err = e.Commit(t.Context(), cluster.Txn{Then: []cluster.Op{cluster.Delete(found[0].Key)}})
	require.NoError(t, err)
	err = a.Audit(t.Context())
	require.ErrorIs(t, err, cluster.ErrHalted)
	require.ErrorContains(t, err, "the servers do not know that it holds "+got[0].String())
	_, blocks := a.state(t)
	require.Equal(t, backend.Closing, blocks[0].State, "nothing is leased from it any more")
}

// A store that was repaired or imported is compared before anything is leased from it.
func TestAttestComparesARepairedStore(t *testing.T) {
	for name, leased := range map[string]bool{"without a lease in it": false, "with a lease in it": true} {
		t.Run(name, func(t *testing.T) {
			e := newSpace(t)
			a := newHost(t, e, "a")
			got := a.claim(t, cluster.Want{Set: four(t), Blocks: 1})
			stale := backend.Block{First: ip("10.0.0.12"), Last: ip("10.0.0.15"), State: backend.Open}
			if got[0].First == stale.First {
				stale.First, stale.Last = ip("10.0.0.0"), ip("10.0.0.3")
			}
			m, _ := a.state(t)
			m.Attested = ""
			require.NoError(t, a.store.Update(t.Context(), func(tx backend.Tx) error {
				shared := tx.(backend.SharedTx)
				if err := shared.DeleteBlock(got[0].First); err != nil { // It was lost,
					return err
				}
				if err := shared.PutBlock(stale); err != nil { // and this one had been given back.
					return err
				}
				return shared.SetMembership(m)
			}))
			if leased {
				a.lease(t, stale.First)
				require.ErrorContains(t, a.Attest(t.Context()), "block "+stale.String()+" may be held by another host, and there are leases in it")
				return
			}
			require.NoError(t, a.Attest(t.Context()))
			_, blocks := a.state(t)
			require.Len(t, blocks, 1)
			require.Equal(t, got[0].First, blocks[0].First)
			require.NoError(t, a.Audit(t.Context()))
		})
	}
}

// copyTo writes what the store of the host shares to another one.
func (h *host) copyTo(t *testing.T, to *leases.Store, change func(*backend.Membership)) {
	t.Helper()
	m, blocks := h.state(t)
	change(&m)
	require.NoError(t, to.Update(t.Context(), func(tx backend.Tx) error {
		shared := tx.(backend.SharedTx)
		if err := shared.SetMembership(m); err != nil {
			return err
		}
		for _, b := range blocks {
			if err := shared.PutBlock(b); err != nil {
				return err
			}
		}
		return nil
	}))
}

// A copy on another machine does not know what the host has leased since.
func TestCopyGivesNothingBack(t *testing.T) {
	e := newSpace(t)
	a := newHost(t, e, "a")
	a.claim(t, cluster.Want{Set: four(t), Blocks: 4})
	other := &host{store: leases.New(), engine: e, name: "another machine"}
	a.copyTo(t, other.store, func(*backend.Membership) {})
	other.boot("boot9")
	_, err := other.GiveBack(t.Context(), 0)
	require.ErrorIs(t, err, cluster.ErrStopped)
	require.NoError(t, a.Audit(t.Context()))
	held, err := cluster.NewAdmin(e, prefix).Blocks(t.Context(), "pods")
	require.NoError(t, err)
	require.Len(t, held, 4)
}

// The request to be attested was decided on before the store was repaired, from pages that were old.
func TestRepairedStoreWithARequestUnderWay(t *testing.T) {
	e := newSpace(t)
	a := newHost(t, e, "a")
	stale := a.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0]
	_, err := a.GiveBack(t.Context(), 0)
	require.NoError(t, err)
	a.engine = failing{e, 2}.engine() // It fails when the request is sent.
	a.boot("boot2")
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrUnknown)
	repaired := &host{store: leases.New(), engine: e, name: "a"}
	a.copyTo(t, repaired.store, func(m *backend.Membership) {
		require.Equal(t, "attest", m.Intent.Action)
		*m = m.Doubted()
	})
	require.NoError(t, repaired.store.Update(t.Context(), func(tx backend.Tx) error { return tx.(backend.SharedTx).PutBlock(stale) }))
	repaired.boot("boot2")
	require.NoError(t, repaired.Attest(t.Context()))
	m, blocks := repaired.state(t)
	require.Equal(t, "boot2", m.Attested)
	require.Empty(t, blocks)
}

func TestUnknownValuesAreRejected(t *testing.T) {
	for name, value := range map[string]string{
		"version 2, want 1":      `{"V":2,"Block4":4,"Block6":0,"Ranges":["10.0.0.0/28"],"Accepted":{"Cluster":1,"Offset":0}}`,
		`unknown field "Blocks"`: `{"V":1,"Blocks":4}`,
	} {
		e := newSpace(t)
		a := newHost(t, e, "a")
		_, err := e.Commit(t.Context(), cluster.Txn{Then: []cluster.Op{cluster.Put(prefix+"/1/pods/config", []byte(value))}})
		require.NoError(t, err)
		_, err = a.Claim(t.Context(), cluster.Want{Set: four(t), Blocks: 1})
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, "a later version of the program")
	}
}
