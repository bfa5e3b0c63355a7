package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
)

// Where containers run without root, the stores belong to a user. What root does there keeps
// them usable by the user.
func TestStoresOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("takes root")
	}
	const user = 12345
	for _, kind := range []string{config.Files, config.Bolt} {
		t.Run(kind, func(t *testing.T) {
			n := namedNetwork{t, t.TempDir(), "net"}
			require.NoError(t, os.Chown(n.dir, user, user))
			check := func(after string) {
				t.Helper()
				require.NoError(t, filepath.WalkDir(n.dir, func(path string, e fs.DirEntry, err error) error {
					require.NoError(t, err)
					info, err := e.Info()
					require.NoError(t, err)
					require.EqualValues(t, user, info.Sys().(*syscall.Stat_t).Uid, "%s after %s", path, after)
					return nil
				}))
			}
			n.plugin("ADD", kind, "a")
			n.plugin("ADD", kind, "b")
			check("an ADD by root")
			other := map[string]string{config.Files: config.Bolt, config.Bolt: config.Files}[kind]
			for _, to := range []string{other, kind, config.Bolt} {
				n.leasehold("migrate", n.name, "--to", to)
				check("a migration to " + to)
				n.plugin("ADD", "", "to-"+to)
				n.plugin("DEL", "", "to-"+to)
				check("ADD and DEL")
			}
			export := n.leasehold("export", n.name)
			n.leasehold("release", n.name, "10.1.0.2")
			check("a release")
			n.damage()
			n.leasehold("verify", n.name, "--repair", "--accept-loss")
			check("a repair")
			require.NoError(t, os.Remove(n.path()))
			file := filepath.Join(t.TempDir(), "export.jsonl")
			require.NoError(t, os.WriteFile(file, []byte(export), 0o600))
			n.leasehold("import", file, "--backend", kind)
			check("an import")
			n.leasehold("prune", n.name, "--keep", "0", "--older-than", "0s")
			check("a prune")
		})
	}
}
