package interop

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// forEachPair runs fn with our plugin and each stock version in both roles.
func forEachPair(t *testing.T, fn func(t *testing.T, one, other plugin)) {
	for _, pair := range [][2]plugin{{stock(), ours()}, {ours(), stock()}, {older(), ours()}, {ours(), older()}} {
		t.Run(pair[0].name+" and then "+pair[1].name, func(t *testing.T) {
			t.Parallel()
			fn(t, pair[0], pair[1])
		})
	}
}

// Each plugin finds and releases the leases that the other made for an attachment, and no
// others.
func TestReleaseOfTheOther(t *testing.T) {
	forEachPair(t, func(t *testing.T, one, other plugin) {
		n := network{dir: t.TempDir(), ipam: dual}
		who := attachment{"c1", "eth0"}
		stays := []attachment{{"c1", "net1"}, {"c10", "eth0"}}
		one.mustDo(t, n.call("ADD", who))
		for _, who := range stays {
			one.mustDo(t, n.call("ADD", who))
		}
		other.mustDo(t, n.call("CHECK", who))
		other.mustDo(t, n.call("DEL", who))
		require.False(t, one.mustRun(t, n.call("CHECK", who)).ok)
		require.False(t, other.mustRun(t, n.call("CHECK", who)).ok)
		for _, who := range stays {
			one.mustDo(t, n.call("CHECK", who))
			other.mustDo(t, n.call("CHECK", who))
			other.mustDo(t, n.call("DEL", who))
		}
		require.Empty(t, litter(t, n.path()))
	})
}

// The round robin continues where the other plugin stopped.
func TestCursorOfTheOther(t *testing.T) {
	forEachPair(t, func(t *testing.T, one, other plugin) {
		n := network{dir: t.TempDir(), ipam: dual}
		who := attachment{"c1", "eth0"}
		for i, p := range []plugin{one, other, one, other} {
			got := p.mustDo(t, n.call("ADD", who)).mustAddrs(t)
			want := []netip.Addr{netip.AddrFrom4([4]byte{10, 1, 2, byte(i + 2)}), netip.AddrFrom16([16]byte{0xfd, 15: byte(i + 2)})}
			require.Equal(t, want, got)
			p.mustDo(t, n.call("DEL", who))
		}
	})
}

// A data directory can be relative to the working directory of the plugin.
func TestRelativeDataDir(t *testing.T) {
	forEachPair(t, func(t *testing.T, one, other plugin) {
		n := network{dir: "leases/here", ipam: ipv4}
		c := n.call("ADD", attachment{"c1", "eth0"})
		c.dir = t.TempDir()
		one.mustDo(t, c)
		require.FileExists(t, filepath.Join(c.dir, n.path(), "10.1.2.2"))
		c.command = "DEL"
		other.mustDo(t, c)
		require.Empty(t, litter(t, filepath.Join(c.dir, n.path())))
	})
}

// Lease files of 2015 name a container but no interface. They count for every interface of
// the container, and an exact lease is released first.
func TestFilesOf2015(t *testing.T) {
	for _, text := range []string{"c1", "c1\n", "c1\r\n", " c1 "} {
		for _, p := range []plugin{stock(), ours()} {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				n := network{dir: t.TempDir(), ipam: ipv4}
				require.NoError(t, os.Mkdir(n.path(), 0o755))
				old := filepath.Join(n.path(), "10.1.2.7")
				require.NoError(t, os.WriteFile(old, []byte(text), 0o600))
				who := attachment{"c1", "eth0"}

				p.mustDo(t, n.call("CHECK", who))
				p.mustDo(t, n.call("CHECK", attachment{"c1", "net1"}))
				a := p.mustRun(t, n.call("ADD", who))
				require.Contains(t, a.refusal().Msg, "10.1.2.7 has been allocated to c1, duplicate allocation is not allowed")
				require.FileExists(t, old)
				p.mustDo(t, n.call("DEL", attachment{"c2", "eth0"}))
				require.FileExists(t, old)
				p.mustDo(t, n.call("DEL", who))
				require.NoFileExists(t, old)
			})
		}
	}
}

func TestFilesOf2015AreReleasedLast(t *testing.T) {
	forEachPair(t, func(t *testing.T, one, other plugin) {
		n := network{dir: t.TempDir(), ipam: ipv4}
		who := attachment{"c1", "eth0"}
		one.mustDo(t, n.call("ADD", who))
		require.NoError(t, os.WriteFile(filepath.Join(n.path(), "10.1.2.7"), []byte("c1"), 0o600))
		other.mustDo(t, n.call("DEL", who))
		require.Equal(t, []string{"10.1.2.7"}, litter(t, n.path()))
		other.mustDo(t, n.call("DEL", who))
		require.Empty(t, litter(t, n.path()))
	})
}

// Both plugins fill a pool in turn. Our failed commands in between change no byte.
func TestRefusalsLeaveNoTrace(t *testing.T) {
	n := network{dir: t.TempDir(), ipam: `"ranges": [[{"subnet": "10.1.2.0/28"}], [{"subnet": "fd00::/126"}]]`}
	stock().mustDo(t, n.call("ADD", attachment{"c1", "eth0"}))
	ours().mustDo(t, n.call("ADD", attachment{"c2", "eth0"}))
	before := takeSnapshot(t, n.path())
	require.Len(t, before.leases(), 4)
	for who, c := range map[attachment]struct {
		args string
		code int
		text string
	}{
		{"c3", "eth0"}: {"", 100, "failed to allocate for range 1: no IP addresses available in range set: fd00::1-fd00::3"},
		{"c1", "eth0"}: {"", 102, "failed to allocate for range 0: 10.1.2.2 has been allocated to c1, duplicate allocation is not allowed"},
		{"c2", "eth0"}: {"IP=10.1.2.9", 102, "10.1.2.3 has been allocated to c2, duplicate allocation is not allowed"},
		{"c4", "eth0"}: {"IP=10.1.2.2", 101, "requested IP address 10.1.2.2 is not available in range set 10.1.2.1-10.1.2.14"},
		{"c5", "eth0"}: {"IP=10.1.2.1", 106, "requested ip 10.1.2.1 is subnet's gateway"},
		{"c6", "eth0"}: {"IP=10.1.9.9", 106, "failed to allocate all requested IPs: 10.1.9.9"},
	} {
		request := n.call("ADD", who)
		request.args = c.args
		ours().mustRun(t, request).requireError(t, c.code, c.text)
		require.Equal(t, before, takeSnapshot(t, n.path()))
	}
	stock().mustDo(t, n.call("DEL", attachment{"c2", "eth0"}))
	ours().mustDo(t, n.call("DEL", attachment{"c1", "eth0"}))
	require.Empty(t, litter(t, n.path()))
}

// Stock leaves an empty file if it is killed during an ADD. Both plugins count its address
// as leased; our plugin leases it again when no other is left, while stock fails.
func TestTornFileOfStock(t *testing.T) {
	n := network{dir: t.TempDir(), ipam: `"subnet": "10.1.2.0/29"`}
	require.NoError(t, os.Mkdir(n.path(), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(n.path(), "10.1.2.3"), nil, 0o600))
	for i, p := range []plugin{stock(), ours(), stock(), ours()} {
		p.mustDo(t, n.call("ADD", attachment{"c", "net" + string(rune('0'+i))}))
	}
	require.Empty(t, takeSnapshot(t, n.path())["10.1.2.3"])
	late := n.call("ADD", attachment{"late", "eth0"})
	require.Contains(t, stock().mustRun(t, late).refusal().Msg, "no IP addresses available")
	require.Equal(t, []netip.Addr{netip.MustParseAddr("10.1.2.3")}, ours().mustDo(t, late).mustAddrs(t))
	stock().mustDo(t, n.call("DEL", late.who))
	require.NoFileExists(t, filepath.Join(n.path(), "10.1.2.3"))
}
