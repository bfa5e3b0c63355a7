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

// A commandRecorder is an IPAM plugin that records the commands that reach it.
type commandRecorder struct{ dir string }

func newCommandRecorder(t *testing.T) commandRecorder {
	t.Helper()
	w := commandRecorder{t.TempDir()}
	script := fmt.Sprintf("#!/bin/sh\necho $CNI_COMMAND >> %s/commands\n", w.dir)
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "host-local"), []byte(script), 0o755))
	return w
}

func (w commandRecorder) commands(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "commands"))
	if err != nil {
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	return strings.Fields(string(text))
}

// do executes a main plugin with the recorder as its IPAM plugin.
func (w commandRecorder) do(t *testing.T, name, command, ipam string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "main", name))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "CNI_COMMAND=" + command, "CNI_PATH=" + w.dir}
	cmd.Stdin = strings.NewReader(fmt.Sprintf(
		`{"cniVersion": "1.1.0", "name": "net", "type": %q, "device": "lo", "master": "lo", "vlanId": 5,
		  "cni.dev/valid-attachments": [], "cni.dev/attachments": []%s}`, name, ipam))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s of %s: %s", command, name, out)
}

// All main plugins pass on STATUS, and none passes on GC, as docs/operating.md says.
func TestMainPluginsEndGC(t *testing.T) {
	for _, name := range mainPlugins() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newCommandRecorder(t)
			w.do(t, name, "STATUS", `, "ipam": {"type": "host-local"}`)
			require.Equal(t, []string{"STATUS"}, w.commands(t))
			w.do(t, name, "GC", `, "ipam": {"type": "host-local"}`)
			require.Equal(t, []string{"STATUS"}, w.commands(t), "a GC is passed on now: correct docs/operating.md and docs/runtimes.md")
		})
	}
}

// Without ipam they call no IPAM plugin. Up to v1.9.1, vlan rejected such a configuration.
func TestMainPluginsWithoutIPAM(t *testing.T) {
	for _, name := range mainPlugins() {
		if name == "dummy" || name == "ptp" {
			continue // These need ipam.
		}
		for _, ipam := range []string{"", `, "ipam": {}`} {
			w := newCommandRecorder(t)
			w.do(t, name, "STATUS", ipam)
			require.Empty(t, w.commands(t), name)
		}
	}
}
