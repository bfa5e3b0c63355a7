package migrate

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/internal/config"
)

// remembered returns the content of a store that has a history and a cooling address.
func remembered(change func(*backend.Ended, *backend.Cooling, *backend.Content)) backend.Content {
	e := backend.Ended{
		Lease: backend.Lease{
			Addr: addr("10.0.0.9"), Owner: backend.Owner{ContainerID: "gone", IfName: "eth0"},
			Pod: backend.Pod{Namespace: "shop", Name: "web-0"}, Since: now.Add(-time.Hour),
		},
		Until: now.Add(-time.Minute), Cause: backend.EndedByDEL,
	}
	cool := backend.Cooling{Addr: addr("10.0.0.9"), Since: now.Add(-time.Minute)}
	c := sample().content()
	c.Policy = "keep=100 for=720h0m0s reuse=1h0m0s"
	change(&e, &cool, &c)
	c.History, c.Cooling = sequence([]backend.Ended{e}), sequence([]backend.Cooling{cool})
	return c
}

func TestFingerprintCoversHistoryAndCooling(t *testing.T) {
	sum := func(change func(*backend.Ended, *backend.Cooling, *backend.Content)) fingerprint {
		s := newFingerprinter()
		c := s.withMemory(remembered(change))
		require.NoError(t, readAll(c.History))
		require.NoError(t, readAll(c.Cooling))
		return s.finish(c)
	}
	want := sum(func(*backend.Ended, *backend.Cooling, *backend.Content) {})
	for name, change := range map[string]func(*backend.Ended, *backend.Cooling, *backend.Content){
		"address":         func(e *backend.Ended, _ *backend.Cooling, _ *backend.Content) { e.Addr = e.Addr.Next() },
		"container ID":    func(e *backend.Ended, _ *backend.Cooling, _ *backend.Content) { e.Owner.ContainerID = "x" },
		"interface":       func(e *backend.Ended, _ *backend.Cooling, _ *backend.Content) { e.Owner.IfName = "eth1" },
		"pod":             func(e *backend.Ended, _ *backend.Cooling, _ *backend.Content) { e.Pod.Name = "web-1" },
		"since":           func(e *backend.Ended, _ *backend.Cooling, _ *backend.Content) { e.Since = now },
		"until":           func(e *backend.Ended, _ *backend.Cooling, _ *backend.Content) { e.Until = now },
		"cause":           func(e *backend.Ended, _ *backend.Cooling, _ *backend.Content) { e.Cause = backend.EndedByGC },
		"cooling address": func(_ *backend.Ended, c *backend.Cooling, _ *backend.Content) { c.Addr = c.Addr.Next() },
		"cooling since":   func(_ *backend.Ended, c *backend.Cooling, _ *backend.Content) { c.Since = now },
		"policy":          func(_ *backend.Ended, _ *backend.Cooling, c *backend.Content) { c.Policy = "" },
		"gap":             func(_ *backend.Ended, _ *backend.Cooling, c *backend.Content) { c.Gap = now },
	} {
		require.NotEqual(t, want, sum(change), name)
	}
}

// A repaired store has the history and the cooling addresses of the old one, except what was
// forgotten, and they are compared.
func TestRepairKeepsHistoryAndCooling(t *testing.T) {
	path := filepath.Join(t.TempDir(), "podnet")
	gap := now.Add(-time.Hour).Truncate(time.Second).UTC()
	c := remembered(func(_ *backend.Ended, _ *backend.Cooling, c *backend.Content) { c.Gap = gap })
	forgotten := backend.Ended{Lease: backend.Lease{Addr: addr("10.0.0.10"), Owner: backend.Owner{ContainerID: "private", IfName: "eth0"}}}
	var all []backend.Ended
	for e, err := range c.History {
		require.NoError(t, err)
		all = append(all, e)
	}
	c.History = sequence(append(all, forgotten))
	require.NoError(t, bolt.Create(path, c))
	require.NoError(t, bolt.Open(path).Update(t.Context(), func(tx backend.Tx) error {
		n, err := tx.(backend.HistoryTx).Forget(func(e backend.Ended) bool { return e.Owner.ContainerID == "private" })
		require.Equal(t, 1, n)
		return err
	}))
	_, err := Repair(t.Context(), path, RepairOptions{LockTimeout: time.Minute, Now: now})
	require.NoError(t, err)
	require.NoError(t, bolt.Open(path).View(t.Context(), func(tx backend.ReadTx) error {
		got, err := backend.ContentOf(tx)
		require.NoError(t, err)
		require.Equal(t, c.Policy, got.Policy)
		require.Equal(t, gap, got.Gap)
		var ended []backend.Ended
		for e, err := range got.History {
			require.NoError(t, err)
			ended = append(ended, e)
		}
		require.Len(t, ended, 1)
		require.Equal(t, "gone", ended[0].Owner.ContainerID)
		for cool, err := range got.Cooling {
			require.NoError(t, err)
			require.Equal(t, addr("10.0.0.9"), cool.Addr)
		}
		return nil
	}))
}

// A bolt record has no other way to say that a time is not known than the beginning of 1970, which a
// lease file from an archive can have.
func TestRunWithALeaseOf1970(t *testing.T) {
	s := sample()
	s.leases[0].Since = time.Unix(0, 0).UTC()
	s.leases[1].Since = time.Unix(-1, 0).UTC()
	path := create(t, config.Files, s)
	_, err := Run(t.Context(), path, options(config.Bolt))
	require.NoError(t, err)
	s.leases[0].Since = time.Time{}
	require.Equal(t, s, stateOf(t, path))
}
