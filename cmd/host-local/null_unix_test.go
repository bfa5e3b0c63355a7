//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A caller may discard the result of an ADD. But a standard output that was closed is a
// mistake: the Go runtime replaces it by /dev/null opened for reading and writing. Commands
// without a result succeed anyway.
func TestResultToDevNull(t *testing.T) {
	for name, c := range map[string]struct {
		redirection string
		added       bool
	}{
		"to write": {">/dev/null", true}, "to read and write": {"1<>/dev/null", false}, "closed": {">&-", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			text := `{"cniVersion": "1.1.0", "name": "net", "cni.dev/valid-attachments": [], ` +
				`"args": {"cni": {"ips": ["192.0.2.2"]}}, "ipam": {"type": "host-local", "dataDir": "` + dir + `", "subnet": "192.0.2.0/24"}, ` +
				`"prevResult": {"cniVersion": "1.1.0", "ips": [{"address": "192.0.2.2/24"}]}}`
			lease := filepath.Join(dir, "net", "192.0.2.2")
			succeeds := func(command, redirection string) bool {
				cmd := exec.Command("sh", "-c", `echo "$CONF" | host-local `+redirection)
				cmd.Env = append(os.Environ(), "CONF="+text, "CNI_COMMAND="+command, "CNI_CONTAINERID=c1")
				return cmd.Run() == nil
			}
			require.Equal(t, c.added, succeeds("ADD", c.redirection))
			if c.added {
				require.FileExists(t, lease)
			} else {
				require.NoFileExists(t, lease)
				require.True(t, succeeds("ADD", ">/dev/null"))
			}
			require.True(t, succeeds("STATUS", c.redirection))
			require.True(t, succeeds("CHECK", c.redirection))
			require.True(t, succeeds("DEL", c.redirection))
			require.NoFileExists(t, lease)
			require.True(t, succeeds("ADD", ">/dev/null"))
			require.True(t, succeeds("GC", c.redirection))
			require.NoFileExists(t, lease)
		})
	}
}
