package files_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/files"
)

// Repair fixes what needs no decision by the operator, and Verify still finds the rest.
func TestRepair(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the names are valid on Unix only")
	}
	dir := filepath.Join(t.TempDir(), "net")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "10.0.0.9"), 0o755))
	for name, content := range map[string]string{
		"10.0.0.2":                "c1\r\neth0",
		"10.0.0.3":                "",
		"10.0.0.4":                "\x00\x00",
		"FD00::0005":              "c5\r\neth0",
		"::ffff:10.0.0.6":         "c6",
		"fd00::7":                 "c7",
		"fd00::0007":              "another",
		"last_reserved_ip.0":      "10.0.0.2",
		"last_reserved_ip.1":      "rubbish",
		"notes.txt":               "to whom it may concern",
		".leasehold-undo.damaged": "rubbish",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	s := files.Open(dir)
	before := s.Verify(t.Context())
	for _, found := range []string{
		"10.0.0.3: store is damaged: it is empty", "10.0.0.4: store is damaged: it is empty", "FD00::0005", "::ffff:10.0.0.6",
		"fd00::0007", "last_reserved_ip.1", "notes.txt", "undo.damaged", "10.0.0.9: store is damaged: is a directory",
	} {
		require.ErrorContains(t, before, found)
	}

	done, err := s.Repair(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []string{
		"released 10.0.0.3, whose file was empty",
		"released 10.0.0.4, whose file was empty",
		"renamed FD00::0005 to fd00::5",
		"renamed ::ffff:10.0.0.6 to 10.0.0.6",
		"removed last_reserved_ip.1, which contained no address",
		"renamed .leasehold-undo.damaged to last_reserved_ip..leasehold-undo.seen",
	}, done)

	var held []string
	require.NoError(t, s.View(t.Context(), func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			require.NoError(t, err)
			held = append(held, l.Addr.String()+" "+l.Owner.String())
		}
		return nil
	}))
	require.Equal(t, []string{
		"10.0.0.2 c1 (eth0)", "10.0.0.6 c6", "10.0.0.9 (directory)", "fd00::5 c5 (eth0)", "fd00::7 c7",
	}, held)

	after := s.Verify(t.Context())
	for _, left := range []string{"10.0.0.9", "fd00::0007", "notes.txt"} {
		require.ErrorContains(t, after, left)
	}
	for _, fixed := range []string{"10.0.0.3", "10.0.0.4", "FD00::0005", "ffff", "last_reserved", "undo"} {
		require.NotContains(t, after.Error(), fixed)
	}
	done, err = s.Repair(t.Context())
	require.NoError(t, err)
	require.Empty(t, done)
}

func TestForeign(t *testing.T) {
	foreign := func(id, ifname string) string {
		what, ok := files.Foreign(backend.Lease{Owner: backend.Owner{ContainerID: id, IfName: ifname}})
		if !ok {
			return ""
		}
		return what
	}
	require.Equal(t, "directory", foreign("(directory)", ""))
	require.Equal(t, "large file", foreign("(large file)", ""))
	require.Empty(t, foreign("(directory)", "eth0"))
	require.Empty(t, foreign("(none)", ""))
	require.Empty(t, foreign("directory", ""))
}

// A cursor is not synced, so a power cut or a full disk can leave an empty one.
func TestVerifyIgnoresEmptyCursor(t *testing.T) {
	dir := t.TempDir()
	s := files.Open(dir)
	cursor := filepath.Join(dir, "last_reserved_ip.0")
	for _, content := range []string{"", "\x00\x00\x00"} {
		require.NoError(t, os.WriteFile(cursor, []byte(content), 0o600))
		require.NoError(t, s.Verify(t.Context()))
	}
	require.NoError(t, os.WriteFile(cursor, []byte("10.0.0.9\x00"), 0o600), "10.0.0.10 was not synced, but its length was")
	require.NoError(t, s.Verify(t.Context()))
	require.NoError(t, s.View(t.Context(), func(tx backend.ReadTx) error {
		addr, err := tx.Cursor("0")
		require.Equal(t, netip.MustParseAddr("10.0.0.9"), addr)
		return err
	}))
	require.NoError(t, os.WriteFile(cursor, []byte("10.0.0.\x00"), 0o600))
	require.ErrorIs(t, s.Verify(t.Context()), backend.ErrDamaged)
}

// NFS and FUSE rename a file that is deleted while a process has it open.
func TestVerifyIgnoresUnlinkedFiles(t *testing.T) {
	dir := t.TempDir()
	s := files.Open(dir)
	for _, name := range []string{".nfs0000000000a1b2c300000001", ".fuse_hidden0000000b00000002"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("db\neth0"), 0o600))
	}
	require.NoError(t, s.Verify(t.Context()))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".nf"), nil, 0o600))
	require.ErrorIs(t, s.Verify(t.Context()), backend.ErrDamaged)
}
