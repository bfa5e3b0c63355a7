package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/lint"
)

// Each example is valid for cnitool as it is. If it needs no plugin but host-local, it is
// also attached, to a file in place of a namespace.
func TestExamplesAreValid(t *testing.T) {
	names, err := filepath.Glob("../../examples/*.*")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	confDir, data := t.TempDir(), t.TempDir()
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		moved := strings.ReplaceAll(string(text), "/tmp/leasehold-demo", data)
		if moved == string(text) {
			moved = strings.ReplaceAll(moved, `"ipam": {`, `"ipam": {"dataDir": "`+data+`",`)
		}
		require.Contains(t, moved, data, name)
		require.NoError(t, os.WriteFile(filepath.Join(confDir, filepath.Base(name)), []byte(moved), 0o600))
	}
	plugin, err := exec.LookPath("host-local")
	require.NoError(t, err)
	netns := filepath.Join(t.TempDir(), "netns")
	require.NoError(t, os.WriteFile(netns, nil, 0o600))
	noAddrs := func() ([]lint.HostAddr, error) { return nil, nil }
	answer := func(status int, args ...string) string {
		var out, errs bytes.Buffer
		tool := tool{in: strings.NewReader(""), out: &out, errs: &errs, getenv: func(string) string { return "" }, hostAddrs: noAddrs}
		if !slices.Contains(args, "--conf-dir") {
			args = append(args, "--conf-dir", confDir)
		}
		args = append(args, "--cni-path", filepath.Dir(plugin), "--cache-dir", t.TempDir())
		require.Equal(t, status, tool.run(t.Context(), args), "%s: %s%s", args, &out, &errs)
		return out.String()
	}

	list := answer(0, "list")
	rows := strings.Split(strings.TrimSpace(list), "\n")[1:]
	require.Len(t, rows, len(names), list)
	attached := 0
	for _, row := range rows {
		fields := strings.Fields(row)
		name, plugins := fields[0], fields[len(fields)-2]
		if plugins != "host-local" {
			require.NotContains(t, answer(1, "validate", name), "host-local: ")
			continue
		}
		file := filepath.Join(confDir, fields[len(fields)-1]) // alone: the subnets of the examples overlap
		answer(0, "validate", "--conf", file, "--conf-dir", t.TempDir())
		require.Contains(t, answer(0, "add", name, netns), `"ip`)
		answer(0, "del", name, netns)
		attached++
	}
	require.Greater(t, attached, 5)
}
