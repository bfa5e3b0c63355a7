package interop

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
)

// A snapshot has the contents of the files in a directory by name, without the lock. It is
// read independently of the tested code.
type snapshot map[string]string

// takeSnapshot returns an empty snapshot if there is no directory.
func takeSnapshot(t *testing.T, dir string) snapshot {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
	}
	s := snapshot{}
	for _, e := range entries {
		if e.Name() == "lock" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		s[e.Name()] = string(text)
	}
	return s
}

// restore restores the files of a directory.
func (s snapshot) restore(t *testing.T, dir string) {
	t.Helper()
	for name := range takeSnapshot(t, dir) {
		if _, ok := s[name]; !ok {
			require.NoError(t, os.Remove(filepath.Join(dir, name)))
		}
	}
	for name, text := range s {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
}

// leases returns the content of the lease file for each address.
func (s snapshot) leases() map[netip.Addr]string {
	leases := make(map[netip.Addr]string)
	for name, text := range s {
		if addr, err := netip.ParseAddr(name); err == nil {
			leases[addr] = text
		}
	}
	return leases
}

// leaseFile returns the content of an attachment's lease file.
func leaseFile(who attachment) string { return who.id + "\r\n" + who.ifName }

// openBolt opens a bolt store for a look into it without a plugin.
func openBolt(t *testing.T, n network) backend.Store {
	t.Helper()
	store := bolt.Open(n.path())
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// storedLeases is snapshot.leases for either store.
func storedLeases(t *testing.T, n network) map[netip.Addr]string {
	t.Helper()
	if n.backend != "bolt" {
		return takeSnapshot(t, n.path()).leases()
	}
	leases := make(map[netip.Addr]string)
	require.NoError(t, openBolt(t, n).View(context.Background(), func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			leases[l.Addr] = leaseFile(attachment{l.Owner.ContainerID, l.Owner.IfName})
		}
		return nil
	}))
	return leases
}

// deleteLease deletes a lease without a plugin.
func deleteLease(t *testing.T, n network, addr netip.Addr) {
	t.Helper()
	if n.backend != "bolt" {
		require.NoError(t, os.Remove(filepath.Join(n.path(), addr.String())))
		return
	}
	require.NoError(t, openBolt(t, n).Update(context.Background(), func(tx backend.Tx) error {
		return tx.Delete(addr)
	}))
}

// litter returns the names that the stock plugin would not leave in a directory after all
// addresses have been released.
func litter(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	for name := range takeSnapshot(t, dir) {
		if !strings.HasPrefix(name, "last_reserved_ip.") {
			names = append(names, name)
		}
	}
	return names
}
