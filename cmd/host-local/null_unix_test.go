//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who throws the answer away has it thrown away, whichever way /dev/null was opened: to
// read and write as well, it is what Python's DEVNULL is, and what the Go runtime puts in
// the place of a standard output that was closed.
func TestAnAnswerCanBeThrownAway(t *testing.T) {
	for name, redirection := range map[string]string{
		"to write": ">/dev/null", "to read and write": "1<>/dev/null", "closed": ">&-",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			text := `{"cniVersion": "1.1.0", "name": "net", "cni.dev/valid-attachments": [], ` +
				`"ipam": {"type": "host-local", "dataDir": "` + dir + `", "subnet": "192.0.2.0/24"}, ` +
				`"prevResult": {"cniVersion": "1.1.0", "ips": [{"address": "192.0.2.2/24"}]}}`
			lease := filepath.Join(dir, "net", "192.0.2.2")
			works := func(command string) {
				cmd := exec.Command("sh", "-c", `echo "$CONF" | host-local `+redirection)
				cmd.Env = append(os.Environ(), "CONF="+text, "CNI_COMMAND="+command, "CNI_CONTAINERID=c1")
				out, err := cmd.CombinedOutput()
				require.NoError(t, err, "%s: %s", command, out)
				require.Empty(t, out, command)
			}
			works("VERSION")
			works("STATUS")
			works("ADD")
			require.FileExists(t, lease)
			works("CHECK")
			works("DEL")
			require.NoFileExists(t, lease)
			works("ADD")
			works("GC")
			require.NoFileExists(t, lease)
		})
	}
}
