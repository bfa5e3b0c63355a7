package files

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// TestScanOfMany has more files than one goroutine reads, misnamed ones, and changes by the
// transaction itself.
func TestScanOfMany(t *testing.T) {
	b := newTestDir(t)
	const owners, leases = 7, 5*chunkLen + 3
	addr := ip("10.0.0.0")
	for i := range leases {
		b.stock(addr.String(), fmt.Sprintf("owner%d\r\neth0", i%owners))
		addr = addr.Next()
	}
	b.stock("FD00::1", "owner3\r\neth0")
	b.stock("10.9.9.9", "owner33\r\neth0")
	o := backend.Owner{ContainerID: "owner3", IfName: "eth0"}
	b.update(func(tx backend.Tx) error {
		for range 2 { // The second time the directory has been listed.
			owned, err := tx.OwnedBy(o)
			require.NoError(t, err)
			requireEverySeventh(t, owned[:len(owned)-1])
			require.Len(t, owned, (leases+3)/owners+1)
			require.Equal(t, ip("fd00::1"), owned[len(owned)-1].Addr)
		}
		require.NoError(t, tx.Delete(ip("10.0.0.3")))
		require.NoError(t, put(lease("10.0.0.3", "owner3"), lease("10.8.0.0", "owner3"))(tx))
		owned, err := tx.OwnedBy(o)
		require.Len(t, owned, (leases+3)/owners+2)
		return err
	})
}

func requireEverySeventh(t *testing.T, owned []backend.Lease) {
	t.Helper()
	want := ip("10.0.0.3")
	for _, l := range owned {
		require.Equal(t, want, l.Addr)
		for range 7 {
			want = want.Next()
		}
	}
}

// TestScanOfRemovedFiles: between listing and reading, files are removed without the lock, or
// replaced by links.
func TestScanOfRemovedFiles(t *testing.T) {
	b := newTestDir(t)
	seed(b)
	d, err := openDir(b.path, false)
	require.NoError(t, err)
	defer d.close()
	require.NoError(t, os.Remove(b.file("10.0.0.1")))
	require.NoError(t, os.Remove(b.file("10.0.0.2")))
	require.NoError(t, os.Symlink("fd00::1", b.file("10.0.0.2")))
	s := newScan(d, "one")
	for _, addr := range []string{"10.0.0.1", "10.0.0.2", "fd00::1"} {
		s.addAddr(ip(addr))
	}
	found, err := s.finish()
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{ip("fd00::1")}, found)
}

// TestCheckedRename tests the replacement for systems that cannot rename without replacing.
func TestCheckedRename(t *testing.T) {
	b := newTestDir(t)
	b.stock("from", "new")
	b.stock("to", "old")
	d, err := openDir(b.path, false)
	require.NoError(t, err)
	defer d.close()
	require.ErrorIs(t, d.checkedRename("from", "to"), fs.ErrExist)
	require.ErrorIs(t, d.renameNoReplace("from", "to"), fs.ErrExist)
	require.Equal(t, "old", b.content("to"))
	require.NoError(t, d.checkedRename("from", "free"))
	require.Equal(t, "new", b.content("free"))
}

// TestStaleJournal has an Update that was killed while it wrote a journal, and then one that
// does not list the directory.
func TestStaleJournal(t *testing.T) {
	b := newTestDir(t)
	seed(b)
	b.stock(keptNewPrefix+"0.undo", "leasehold-un")
	b.update(remove("10.0.0.1", "fd00::1"))
	require.Equal(t, snapshot{"10.0.0.2": "two (eth0)", "boot": "first"}, b.snapshot())
	b.requireWorks()
}
