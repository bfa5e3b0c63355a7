package stores_test

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/stores"
)

// All pages are checked before the first transaction, and not before each.
func TestFollowOften(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net")
	require.NoError(t, stores.Create(path, config.Bolt, backend.Content{
		Leases: func(yield func(backend.Lease, error) bool) {
			addr := netip.MustParseAddr("10.0.0.1")
			for ; addr.Compare(netip.MustParseAddr("10.0.20.0")) < 0; addr = addr.Next() {
				if !yield(backend.Lease{Addr: addr, Owner: backend.Owner{ContainerID: addr.String(), IfName: "eth0"}}, nil) {
					return
				}
			}
		},
	}))
	nothing := func(backend.ReadTx) error { return nil }
	often, read := stores.FollowOften(path), stores.ReadOften(path)
	require.NoError(t, often.View(t.Context(), nothing))
	require.NoError(t, read.View(t.Context(), nothing))

	content, err := os.ReadFile(path)
	require.NoError(t, err)
	page := bytes.Index(content, []byte("10.0.10.10")) &^ (os.Getpagesize() - 1)
	require.Positive(t, page)
	copy(content[page:], bytes.Repeat([]byte{0xff}, os.Getpagesize()))
	require.NoError(t, os.WriteFile(path, content, 0o600))
	require.NoError(t, often.View(t.Context(), nothing))
	require.NoError(t, read.View(t.Context(), nothing))
	require.ErrorIs(t, stores.ReadOften(path).View(t.Context(), nothing), backend.ErrDamaged)
	require.ErrorIs(t, stores.FollowOften(path).View(t.Context(), nothing), backend.ErrDamaged)
	require.ErrorIs(t, stores.FollowOften(path).Update(t.Context(), func(backend.Tx) error { return nil }), backend.ErrDamaged)
}

// A replaced store can be read in any number of transactions, and not written to.
func TestReadOftenReadsReplaced(t *testing.T) {
	for _, kind := range []string{config.Files, config.Bolt} {
		path := filepath.Join(t.TempDir(), "net")
		require.NoError(t, stores.Create(path, kind, backend.Content{Leases: func(func(backend.Lease, error) bool) {}}))
		replaced := path
		if kind == config.Files {
			replaced = filepath.Join(path, "lock")
		}
		require.NoError(t, os.Chmod(replaced, os.ModeSetgid|0o440))
		nothing := func(backend.ReadTx) error { return nil }
		store := stores.ReadOften(path)
		require.NoError(t, store.View(t.Context(), nothing), kind)
		require.NoError(t, store.View(t.Context(), nothing), kind)
		require.ErrorIs(t, store.Update(t.Context(), func(backend.Tx) error { return nil }), backend.ErrReplaced, kind)
	}
}

// A deadlined store records how long its transactions may wait.
type deadlined struct {
	backend.Store
	waits []time.Duration
}

func (d *deadlined) note(ctx context.Context) error {
	at, _ := ctx.Deadline()
	d.waits = append(d.waits, time.Until(at))
	time.Sleep(time.Minute)
	return nil
}

func (d *deadlined) View(ctx context.Context, _ func(backend.ReadTx) error) error { return d.note(ctx) }
func (d *deadlined) Update(ctx context.Context, _ func(backend.Tx) error) error   { return d.note(ctx) }

// However long an operation takes, each of its transactions has the whole time to wait.
func TestPatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deadlined{}
		store := stores.Patient(d, time.Second)
		require.NoError(t, store.View(t.Context(), nil))
		require.NoError(t, store.Update(t.Context(), nil))
		require.NoError(t, store.Update(t.Context(), nil))
		require.Equal(t, []time.Duration{time.Second, time.Second, time.Second}, d.waits)
	})
}
