package files

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// TestForeignFiles has things with the name of an address that are not lease files.
func TestForeignFiles(t *testing.T) {
	b := newTestDir(t)
	b.stock("outside", "id\r\neth0")
	b.stock("10.0.0.1", "id\r\neth0")
	require.NoError(t, os.Mkdir(b.file("10.0.0.2"), 0o755))
	require.NoError(t, os.Symlink("outside", b.file("10.0.0.3")))
	require.NoError(t, os.Symlink("nowhere", b.file("10.0.0.4")))
	require.NoError(t, os.WriteFile(b.file("10.0.0.5"), []byte("id\r\neth0\r\n"+strings.Repeat(" ", maxContent)), 0o600))
	l, err := net.Listen("unix", b.file("10.0.0.6"))
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()

	names := b.names()
	want := map[string]string{
		"10.0.0.1": "id", "10.0.0.2": "(directory)", "10.0.0.3": "(symbolic link)", "10.0.0.4": "(symbolic link)",
		"10.0.0.5": "(large file)", "10.0.0.6": "(socket)",
	}
	b.view(func(tx backend.ReadTx) error {
		for addr, id := range want {
			l, err := tx.Lease(ip(addr))
			require.NoError(t, err)
			require.Equal(t, id, l.Owner.ContainerID)
		}
		requireAddrs(b, tx, backend.Owner{ContainerID: "id"}, "10.0.0.1")
		requireAddrs(b, tx, backend.Owner{ContainerID: "(symbolic link)"}, "10.0.0.3", "10.0.0.4")
		free, err := tx.NextFree(ip("10.0.0.1"), ip("10.0.0.9"))
		require.Equal(t, ip("10.0.0.7"), free)
		return err
	})
	for addr, id := range want {
		require.ErrorIs(t, b.open().Update(t.Context(), put(lease(addr, "new"))), backend.ErrExists, addr)
		if id != "id" && id != "(large file)" {
			err := b.open().Update(t.Context(), remove(addr))
			require.ErrorIs(t, err, backend.ErrDamaged)
			require.ErrorIs(t, err, ErrForeign)
			require.ErrorContains(t, err, b.file(addr))
		}
	}
	require.Subset(t, b.names(), names)
	b.stock("10.0.0.8", "(directory)") // A container is called so.
	b.view(func(tx backend.ReadTx) error {
		for addr, id := range want {
			if err := ForeignFile(tx, ip(addr)); id == "id" {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, ErrForeign)
				require.ErrorContains(t, err, b.file(addr)+": is a "+strings.Trim(id, "()")+", which no plugin makes")
			}
		}
		require.NoError(t, ForeignFile(tx, ip("10.0.0.8")))
		require.NoError(t, ForeignFile(tx, ip("10.0.0.9")), "no file")
		return nil
	})
	err = b.open().Verify(t.Context())
	for addr, id := range want {
		require.Equal(t, id != "id", strings.Contains(err.Error(), b.file(addr)+": store is damaged: is a "+strings.Trim(id, "()")))
	}
	require.NotContains(t, err.Error(), "10.0.0.8")
	b.update(remove("10.0.0.5"))
	require.NotContains(t, b.names(), "10.0.0.5")
}

// TestMisnamedFiles has lease files without canonical names.
func TestMisnamedFiles(t *testing.T) {
	b := newTestDir(t)
	b.stock("FD00::A", "capital\r\neth0")
	b.stock("fd00:0::b", "long\r\neth0")
	b.stock("::ffff:10.0.0.1", "mapped\r\neth0")
	b.stock("fd00::c", "regular\r\neth0")
	b.stock("FD00::C", "irregular\r\neth0")
	require.Equal(t, snapshot{
		"fd00::a": "capital (eth0)", "fd00::b": "long (eth0)", "10.0.0.1": "mapped (eth0)", "fd00::c": "regular (eth0)",
	}, b.snapshot())
	for _, addr := range []string{"fd00::a", "fd00::b", "10.0.0.1", "fd00::c"} {
		require.ErrorIs(t, b.open().Update(t.Context(), put(lease(addr, "new"))), backend.ErrExists, addr)
	}

	b.update(func(tx backend.Tx) error {
		require.NoError(t, tx.Delete(ip("fd00::c")))
		requireAddrs(b, tx, backend.Owner{ContainerID: "irregular"}, "fd00::c")
		free, err := tx.NextFree(ip("fd00::c"), ip("fd00::c"))
		require.ErrorIs(t, err, backend.ErrNoneFree, free)
		require.ErrorIs(t, put(lease("fd00::c", "new"))(tx), backend.ErrExists)
		return nil
	})
	require.Equal(t, "irregular (eth0)", b.snapshot()["fd00::c"])
	b.update(func(tx backend.Tx) error {
		require.NoError(t, remove("fd00::a", "fd00::b", "fd00::c", "10.0.0.1")(tx))
		free, err := tx.NextFree(ip("fd00::c"), ip("fd00::c"))
		require.Equal(t, ip("fd00::c"), free)
		return err
	})
	require.Equal(t, []string{"lock"}, b.names())
}

// TestDeleteOfMisnamedFileKilled kills a transaction that deletes such a file.
func TestDeleteOfMisnamedFileKilled(t *testing.T) {
	for n := 1; ; n++ {
		b := newTestDir(t)
		seed(b)
		b.stock("FD00::A", "capital\r\neth0")
		killed := b.updateKilled(n, remove("fd00::a", "10.0.0.1"))
		before := snapshot{"10.0.0.1": "one (eth0)", "10.0.0.2": "two (eth0)", "fd00::1": "one (eth0)", "fd00::a": "capital (eth0)", "boot": "first"}
		if after := (snapshot{"10.0.0.2": "two (eth0)", "fd00::1": "one (eth0)", "boot": "first"}); len(b.snapshot()) < 5 {
			require.Equal(t, after, b.snapshot())
		} else {
			require.Equal(t, before, b.snapshot())
		}
		want := b.snapshot()
		b.update(nothing)
		require.Equal(t, want, b.snapshot())
		if !killed {
			return
		}
	}
}

func TestVerify(t *testing.T) {
	b := newTestDir(t)
	require.NoError(t, b.open().Verify(t.Context()))
	seed(b)
	require.NoError(t, b.open().Verify(t.Context()))

	b.stock("10.0.0.5", "")
	b.stock("10.0.0.6", "a\x01b")
	b.stock("FD00::A", "capital")
	b.stock("last_reserved_ip.0", "10.0")
	b.stock(damagedName, "whatever")
	b.stock(earlyDamagedName, "whatever")
	b.stock(keptPrefix+"rubbish", "whatever")
	require.NoError(t, os.Mkdir(b.file("10.0.0.7"), 0o755))
	err := b.open().Verify(t.Context())
	require.ErrorIs(t, err, backend.ErrDamaged)
	for _, name := range []string{"10.0.0.5", "10.0.0.6", "10.0.0.7", "FD00::A", "last_reserved_ip.0", damagedName, earlyDamagedName, keptPrefix + "rubbish"} {
		require.ErrorContains(t, err, b.file(name))
	}
	require.NotContains(t, err.Error(), b.file("10.0.0.1"))
}

func TestParseName(t *testing.T) {
	for name, want := range map[string]string{
		"10.0.0.1": "10.0.0.1", "fd00::1": "fd00::1", "::": "::", "::1.2.3.4": "::102:304",
		"FD00::1": "fd00::1", "fd00:0:0:0:0:0:0:1": "fd00::1", "::ffff:a00:1": "10.0.0.1",
		"": "", "lock": "", "10.0.0": "", "010.0.0.1": "", "10.0.0.256": "", "fe80::1%eth0": "", "fd00::1 ": "",
		"abcdef": "", bootName: "", newPrefix + "10.0.0.1": "",
	} {
		addr, canonical, ok := parseName(name)
		require.Equal(t, want != "", ok, name)
		if ok {
			require.Equal(t, ip(want), addr, name)
			require.Equal(t, fileName(addr) == name, canonical, name)
		}
	}
	require.Equal(t, "fd00__1", escape("fd00::1"))
	require.Equal(t, "fd00::1", unescape("fd00__1"))
}
