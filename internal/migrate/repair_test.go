package migrate

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/stores"
)

func TestRepairKeepsLostAddresses(t *testing.T) {
	s := state{}
	at := addr("10.0.0.1")
	for i := range 500 {
		at = at.Next()
		s.leases = append(s.leases, backend.Lease{Addr: at, Owner: backend.Owner{ContainerID: fmt.Sprint("pod-", i)}})
	}
	path := create(t, config.Bolt, s)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	lost := bytes.Index(whole, []byte("pod-250"))
	page := os.Getpagesize()
	clear(whole[lost/page*page:][:page])
	require.NoError(t, os.WriteFile(path, whole, 0o600))

	present := allocator.Boot{ID: "present", Started: now.Add(-time.Hour)}
	done, err := Repair(t.Context(), path, RepairOptions{LockTimeout: time.Minute, Now: now, Present: present})
	require.NoError(t, err)
	require.Positive(t, done.Kept)
	require.Equal(t, 500, done.Leases+done.Kept)
	got := stateOf(t, path).leases
	require.Len(t, got, 500)
	kept := 0
	for i, l := range got {
		if l.Owner.ContainerID == LostContainer {
			require.Equal(t, s.leases[i].Addr, l.Addr)
			next := allocator.Boot{ID: "next", Started: now.Add(time.Hour)}
			require.True(t, next.Ended(l, ""), "a reboot ends it: %v", l)
			kept++
		} else {
			require.Equal(t, s.leases[i], l)
		}
	}
	require.Equal(t, done.Kept, kept)
	require.NoError(t, stores.Verify(t.Context(), path))
}

func TestRepair(t *testing.T) {
	path := create(t, config.Bolt, sample())
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte(strings.Repeat("rubbish ", 2*os.Getpagesize()/8)), 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	damaged, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = Run(t.Context(), path, options(config.Files))
	require.ErrorIs(t, err, backend.ErrDamaged)

	o := RepairOptions{LockTimeout: time.Minute, Now: now}
	_, err = Repair(t.Context(), path, o)
	require.ErrorIs(t, err, ErrLoss)
	still, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, damaged, still)
	require.Empty(t, backups(t, path))

	o.AcceptLoss = true
	done, err := Repair(t.Context(), path, o)
	require.NoError(t, err)
	require.Equal(t, 3, done.Leases)
	require.Equal(t, sample().leases, stateOf(t, path).leases)
	require.NoError(t, stores.Verify(t.Context(), path))
	kept, err := os.ReadFile(done.Aside)
	require.NoError(t, err)
	require.Equal(t, damaged, kept)
	_, err = Run(t.Context(), path, options(config.Files))
	require.NoError(t, err)
}
