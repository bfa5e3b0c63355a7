package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// cnitool returns a cnitool command that uses a directory of configurations.
func cnitool(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(bin, "tools", "cnitool"), append([]string{"--cache-dir", filepath.Join(dir, "cache")}, args...)...)
	cmd.Env = append(os.Environ(), "NETCONFPATH="+dir, "CNI_PATH="+filepath.Join(bin, "main")+":"+filepath.Join(bin, "ours"))
	return cmd
}

// cnitool run tries a network and leaves nothing behind.
func TestCnitoolRun(t *testing.T) {
	for name, keys := range map[string]string{"bridge": bridge, "ptp": ptp} {
		for _, backend := range []string{"files", "bolt"} {
			t.Run(name+" "+backend, func(t *testing.T) {
				t.Parallel()
				inNewNamespace(t)
				n := network{dir: t.TempDir(), backend: backend}
				text := fmt.Sprintf(`{"cniVersion": "1.1.0", "name": "net", "plugins": [{"type": "loopback"}, {%s,
					"ipam": {"type": "host-local", "dataDir": %q, "backend": %q, "ranges": [[{"subnet": "10.1.2.0/24"}]]}}]}`, keys, n.dir, backend)
				require.NoError(t, os.WriteFile(filepath.Join(n.dir, "net.conflist"), []byte(text), 0o600))

				out, err := cnitool(n.dir, "validate", "net").CombinedOutput()
				require.NoError(t, err, "%s", out)
				require.Contains(t, string(out), filepath.Join(bin, "ours", "host-local"))

				out, err = cnitool(n.dir, "run", "net", "--container-id", "tried", "--", "ip", "-brief", "-4", "address").Output()
				require.NoError(t, err, "%s", out)
				require.Regexp(t, `lo +UNKNOWN +127.0.0.1/8`, string(out))
				require.Regexp(t, `eth0@\S+ +\w+ +10.1.2.2/24`, string(out))
				require.Empty(t, storedLeases(t, n))
				out, err = exec.Command("ip", "-brief", "link", "show", "type", "veth").CombinedOutput()
				require.NoError(t, err, "%s", out)
				require.Empty(t, string(out))
			})
		}
	}
}
