package backendtest

import (
	"errors"
	"net/netip"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leasehold/leasehold/backend"
)

// clausesOfRandomOperations compares a store with a model after the same operations.
func clausesOfRandomOperations(c contract) {
	c.t.Run("have the same results as on a map", func(t *testing.T) {
		dir, runs := t.TempDir(), 0
		rapid.Check(t, func(t *rapid.T) {
			runs++
			p := &pair{Options: c.o, path: filepath.Join(dir, strconv.Itoa(runs)), model: newState()}
			p.open(t)
			defer func() { require.NoError(t, p.store.Close()) }()
			t.Repeat(p.actions())
			p.reopenAndCompare(t)
		})
	})
}

// A pair is a store and its model.
type pair struct {
	Options
	path  string
	store backend.Store
	model state
}

func (p *pair) open(t *rapid.T) {
	var err error
	p.store, err = p.Open(p.path)
	require.NoError(t, err)
}

func (p *pair) actions() map[string]func(*rapid.T) {
	actions := map[string]func(*rapid.T){
		"":       p.compare,
		"commit": p.commit,
		"abort":  p.abort,
		"panic":  p.panics,
	}
	if p.Persistent {
		actions["reopen"] = p.reopen
	}
	return actions
}

func (p *pair) commit(t *rapid.T) {
	steps, model := drawSteps(t), p.model.clone()
	require.NoError(t, p.store.Update(t.Context(), func(tx backend.Tx) error {
		p.perform(t, tx, &model, steps)
		return nil
	}))
	p.model = model
}

func (p *pair) abort(t *rapid.T) {
	steps, model := drawSteps(t), p.model.clone()
	want := errors.New("abort")
	require.Same(t, want, p.store.Update(t.Context(), func(tx backend.Tx) error {
		p.perform(t, tx, &model, steps)
		return want
	}))
}

func (p *pair) panics(t *rapid.T) {
	steps, model := drawSteps(t), p.model.clone()
	require.PanicsWithValue(t, "boom", func() {
		err := p.store.Update(t.Context(), func(tx backend.Tx) error {
			p.perform(t, tx, &model, steps)
			panic("boom")
		})
		t.Fatal("Update returned", err)
	})
}

func (p *pair) reopen(t *rapid.T) {
	require.NoError(t, p.store.Close())
	p.open(t)
}

// reopenAndCompare is fixture.reopenAndCompare for a pair.
func (p *pair) reopenAndCompare(t *rapid.T) {
	if p.Persistent {
		p.reopen(t)
		p.compare(t)
	}
	require.NoError(t, p.store.Close())
	p.check(t, p.path)
}

// perform takes the steps on both, and then compares what the transaction shows with the
// model.
func (p *pair) perform(t *rapid.T, tx backend.Tx, model *state, steps []step) {
	for _, s := range steps {
		p.do(t, tx, model, s)
	}
	requireState(t, *model, tx)
	for _, r := range wholeFamilies() {
		requireModelNextFree(t, *model, tx, r)
	}
}

// compare reads everything through each method.
func (p *pair) compare(t *rapid.T) {
	from := anyAddress().Draw(t, "from")
	ranges := append(rapid.SliceOfN(anyRange(), 4, 4).Draw(t, "ranges"), wholeFamilies()...)
	require.NoError(t, p.store.View(t.Context(), func(tx backend.ReadTx) error {
		requireState(t, p.model, tx)
		requireLeasesFrom(t, p.model, tx, from)
		for _, o := range randomOwners() {
			got, err := tx.OwnedBy(o)
			require.NoError(t, err)
			requireLeases(t, p.model.ownedBy(o), got, "owned by %s", o)
		}
		for _, r := range ranges {
			requireModelNextFree(t, p.model, tx, r)
		}
		return nil
	}))
}

func requireState(t *rapid.T, model state, tx backend.ReadTx) {
	got, err := read(tx)
	require.NoError(t, err)
	require.Equal(t, model, got)
}

func requireLeasesFrom(t *rapid.T, model state, tx backend.ReadTx, from netip.Addr) {
	var got []backend.Lease
	for l, err := range tx.Leases(from) {
		require.NoError(t, err)
		got = append(got, l)
	}
	requireLeases(t, model.from(from), got, "leases from %s", from)
	l, err := tx.Lease(from)
	want, ok := model.leases[from]
	require.Equal(t, want, l)
	require.Equal(t, !ok, errors.Is(err, backend.ErrNotFound), "lease of %s", from)
}

// requireLeases does not distinguish nil from empty.
func requireLeases(t *rapid.T, want, got []backend.Lease, msgAndArgs ...any) {
	if len(want) > 0 || len(got) > 0 {
		require.Equal(t, want, got, msgAndArgs...)
	}
}

func requireModelNextFree(t *rapid.T, model state, tx backend.ReadTx, r span) {
	want, wantErr := model.nextFree(r.from, r.to)
	got, err := tx.NextFree(r.from, r.to)
	require.ErrorIs(t, err, wantErr, "next free in %s", r)
	require.Equal(t, want, got, "next free in %s", r)
}
