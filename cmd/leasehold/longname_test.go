package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
)

// Every command works on networks with names up to the longest file name.
func TestLongNames(t *testing.T) {
	lengths := []int{211, 212, 225, 250, 251, 255}
	if testing.Short() {
		lengths = []int{255}
	}
	for _, length := range lengths {
		for _, kind := range []string{config.Files, config.Bolt} {
			t.Run(fmt.Sprint(length, " ", kind), func(t *testing.T) {
				n := namedNetwork{t, t.TempDir(), strings.Repeat("n", length)}
				n.plugin("ADD", kind, "a")
				n.plugin("ADD", kind, "b")
				other := map[string]string{config.Files: config.Bolt, config.Bolt: config.Files}[kind]
				for _, to := range []string{other, kind, other, kind} {
					require.Contains(t, n.leasehold("migrate", n.name, "--to", to), "compared: the same")
					n.plugin("ADD", "", "to-"+to)
					n.plugin("DEL", "", "to-"+to)
					require.Contains(t, n.leasehold("verify", n.name), "nothing is wrong")
				}
				export := n.leasehold("export", n.name)
				require.Contains(t, export, `"containerID":"b"`)
				n.leasehold("release", n.name, "10.1.0.2")
				n.leasehold("migrate", n.name, "--to", config.Bolt)
				n.damage()
				require.Contains(t, n.leasehold("verify", n.name, "--repair", "--accept-loss"), "a new store holds ")
				require.NoError(t, os.Remove(n.path()))
				file := filepath.Join(t.TempDir(), "export.jsonl")
				require.NoError(t, os.WriteFile(file, []byte(export), 0o600))
				n.leasehold("import", file, "--backend", kind)
				require.Contains(t, n.leasehold("list", n.name), "10.1.0.2")
			})
		}
	}
}

// A namedNetwork is a data directory and the name of its network.
type namedNetwork struct {
	*testing.T
	dir, name string
}

func (n namedNetwork) path() string { return filepath.Join(n.dir, n.name) }

func (n namedNetwork) plugin(command, backend, id string) {
	n.Helper()
	cmd := exec.Command("host-local")
	cmd.Env = append(os.Environ(), "CNI_COMMAND="+command, "CNI_CONTAINERID="+id, "CNI_NETNS=/n", "CNI_IFNAME=eth0", "CNI_PATH=/p")
	if backend != "" {
		backend = `, "backend": "` + backend + `"`
	}
	cmd.Stdin = strings.NewReader(`{"cniVersion": "1.1.0", "name": "` + n.name + `", "ipam": {"type": "host-local",
		"subnet": "10.1.0.0/24", "dataDir": "` + n.dir + `"` + backend + `}}`)
	out, err := cmd.CombinedOutput()
	require.NoError(n, err, "%s", out)
}

func (n namedNetwork) leasehold(args ...string) string {
	n.Helper()
	cmd := exec.Command("leasehold", append([]string{"--conf-dir", n.dir + "/none", "--data-dir", n.dir}, args...)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	require.NoError(n, err, "%s%s", out, &errs)
	return string(out)
}

// damage overwrites a meta page of the store.
func (n namedNetwork) damage() {
	f, err := os.OpenFile(n.path(), os.O_RDWR, 0)
	require.NoError(n, err)
	defer f.Close()
	_, err = f.WriteAt(make([]byte, os.Getpagesize()), 0)
	require.NoError(n, err)
}
