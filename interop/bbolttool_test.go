package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The program bbolt, which knows nothing of seals, reads a store that was closed, and its
// compacted copy is a store.
func TestToolsOfBbolt(t *testing.T) {
	for _, version := range []string{"v1.5.0", "v1.3.12"} {
		t.Run(version, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, install(dir, "go.etcd.io/bbolt/cmd/bbolt@"+version))
			tool := func(args ...string) []string {
				out, err := exec.Command(filepath.Join(dir, "bbolt"), args...).CombinedOutput()
				require.NoError(t, err, "bbolt %v: %s", args, out)
				return strings.Fields(string(out))
			}

			n := network{dir: t.TempDir(), backend: "bolt", ipam: dual}
			for i := range 40 {
				ours().mustDo(t, n.call("ADD", attachment{fmt.Sprint("c", i), "eth0"}))
			}
			for i := range 10 {
				ours().mustDo(t, n.call("DEL", attachment{fmt.Sprint("c", 4*i), "eth0"}))
			}
			before, err := os.ReadFile(n.path())
			require.NoError(t, err)

			require.Equal(t, []string{"OK"}, tool("check", n.path()))
			require.Contains(t, tool("buckets", n.path()), "leases")
			require.Len(t, tool("keys", "--format", "hex", n.path(), "leases"), 60)
			after, err := os.ReadFile(n.path())
			require.NoError(t, err)
			require.Equal(t, before, after)

			leases := storedLeases(t, n)
			compacted := network{dir: t.TempDir(), backend: "bolt", ipam: dual}
			tool("compact", "-o", compacted.path(), n.path())
			require.Equal(t, leases, storedLeases(t, compacted))
			ours().mustDo(t, compacted.call("CHECK", attachment{"c1", "eth0"}))
			ours().mustDo(t, compacted.call("ADD", attachment{"new", "eth0"}))
			ours().mustDo(t, compacted.call("DEL", attachment{"c1", "eth0"}))
			require.Equal(t, []string{"OK"}, tool("check", compacted.path()))
			require.Len(t, storedLeases(t, compacted), 60)
		})
	}
}
