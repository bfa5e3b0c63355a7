package main

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/internal/cli"
)

// damageHistory changes the entries of the history in a store, and zeroes the seals, as
// docs/formats.md asks of a program that writes by bbolt.
func damageHistory(t *testing.T, path string) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("history"))
		return b.ForEach(func(k, v []byte) error {
			if len(k) != 8 {
				return nil
			}
			v = append([]byte{}, v...)
			v[len(v)-1] ^= 1 // of the checksum
			return b.Put(k, v)
		})
	}))
	pageSize := db.Info().PageSize
	require.NoError(t, db.Close())
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close() // WriteAt has returned its error.
	for meta := range 2 {
		_, err := f.WriteAt(make([]byte, 512-80), int64(meta*pageSize+80))
		require.NoError(t, err)
	}
}

// Commands show the leases though the history is damaged, and say that it is.
func TestViewsOfADamagedHistory(t *testing.T) {
	o := newOperator(t)
	conf, err := os.ReadFile(o.conf())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(o.conf(), bytes.Replace(conf, []byte("/16"), []byte("/28"), 1), 0o600)) // It can be full soon.
	store := bolt.Open(o.store())
	require.NoError(t, store.Update(context.Background(), func(tx backend.Tx) error {
		h := tx.(backend.HistoryTx)
		if err := h.SetPolicy("keep=9"); err != nil {
			return err
		}
		for i := range 9 {
			l := backend.Lease{Addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(2 + i)}), Owner: backend.Owner{ContainerID: fmt.Sprint("gone", i)}, Since: time.Now().Add(-time.Hour)}
			if err := h.Record(backend.Ended{Lease: l, Until: time.Now(), Cause: backend.EndedByDEL}); err != nil {
				return err
			}
		}
		return tx.Put(backend.Lease{Addr: netip.MustParseAddr("10.0.0.14"), Owner: backend.Owner{ContainerID: "held"}, Since: time.Now()})
	}))
	damageHistory(t, o.store())

	for _, tt := range []struct {
		status int
		shows  []string
		args   []string
	}{
		{cli.StatusOK, []string{"1 leased", "there is no forecast: ", "wrong checksum"}, []string{"why-full", "podnet"}},
		{cli.StatusError, []string{`leasehold_leases{network="podnet"} 1`, `leasehold_store_bytes{network="podnet"}`, "wrong checksum"}, []string{"metrics"}},
		{cli.StatusOK, []string{"the history cannot be read: ", "held"}, []string{"report", "--html", "-", "--no-verify"}},
	} {
		status, text := o.run("", tt.args...)
		require.Equal(t, tt.status, status, text)
		for _, s := range tt.shows {
			require.Contains(t, text, s, tt.args)
		}
	}
}
