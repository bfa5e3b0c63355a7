package interop

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// After a migration to bolt, stock finds a file in place of its directory. It fails, and
// the file does not change.
func TestStockOnBoltFile(t *testing.T) {
	n := network{dir: t.TempDir(), backend: "bolt", ipam: dual}
	who := attachment{"c1", "eth0"}
	ours().mustDo(t, n.call("ADD", who))
	before, err := os.ReadFile(n.path())
	require.NoError(t, err)

	for _, command := range []string{"ADD", "CHECK", "DEL"} {
		for _, who := range []attachment{who, {"c2", "eth0"}} {
			a := stock().mustRun(t, n.call(command, who))
			require.False(t, a.ok, command)
			require.Contains(t, a.refusal().Msg, "not a directory", command)
		}
	}
	after, err := os.ReadFile(n.path())
	require.NoError(t, err)
	require.Equal(t, before, after)
	entries, err := os.ReadDir(n.dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)

	ours().mustDo(t, n.call("CHECK", who))
	ours().mustDo(t, n.call("DEL", who))
	require.Empty(t, storedLeases(t, n))
}

// A configuration written for stock uses the existing store, whatever its kind.
func TestStockConfigurationOnBoltFile(t *testing.T) {
	moved := network{dir: t.TempDir(), backend: "bolt", ipam: ipv4}
	ours().mustDo(t, moved.call("ADD", attachment{"c1", "eth0"}))
	plain := moved
	plain.backend = ""
	ours().mustDo(t, plain.call("CHECK", attachment{"c1", "eth0"}))
	ours().mustDo(t, plain.call("ADD", attachment{"c2", "eth0"}))
	ours().mustDo(t, plain.call("DEL", attachment{"c1", "eth0"}))
	require.Len(t, storedLeases(t, moved), 1)

	wrong := moved
	wrong.backend = "files"
	ours().mustRun(t, wrong.call("ADD", attachment{"c3", "eth0"})).requireError(t, 103, "holds the leases in the bolt backend")
	require.Len(t, storedLeases(t, moved), 1)
}

// A network with a directory of stock is not also started in a bolt file.
func TestBoltConfigurationOnDirectory(t *testing.T) {
	n := network{dir: t.TempDir(), ipam: ipv4}
	stock().mustDo(t, n.call("ADD", attachment{"c1", "eth0"}))
	before := takeSnapshot(t, n.path())
	moved := n
	moved.backend = "bolt"
	ours().mustRun(t, moved.call("ADD", attachment{"c2", "eth0"})).requireError(t, 103, "holds the leases in the files backend")
	require.Equal(t, before, takeSnapshot(t, n.path()))
	ours().mustDo(t, moved.call("DEL", attachment{"c1", "eth0"}))
	require.Empty(t, litter(t, n.path()))
}
