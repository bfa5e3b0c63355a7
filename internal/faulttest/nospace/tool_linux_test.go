package nospace

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/stores"
)

// A job is a command of leasehold that needs space.
type job struct {
	prepare func(*testing.T, faulttest.Network) // creates the state before
	args    []string
	done    func(*testing.T, faulttest.Network) // requires the state after
}

const leasesBefore = 5

// leaseSome adds containers.
func leaseSome(t *testing.T, n faulttest.Network) {
	require.Len(t, lease(t, n, leasesBefore), leasesBefore)
}

func other(store string) string {
	if store == config.Files {
		return config.Bolt
	}
	return config.Files
}

func TestMigrateOnFullDisk(t *testing.T) {
	forEachStore(t, func(t *testing.T, store string, dual bool) {
		everyFreeAmount(t, store, dual, job{
			prepare: leaseSome,
			args:    []string{"migrate", faulttest.Name, "--to", other(store)},
			done: func(t *testing.T, n faulttest.Network) {
				kind, err := stores.KindAt(n.Path())
				require.NoError(t, err)
				require.Equal(t, other(store), kind)
				requireContainers(t, n, leasesBefore)
			},
		})
	})
}

func TestRepairOnFullDisk(t *testing.T) {
	for _, dual := range []bool{false, true} {
		everyFreeAmount(t, config.Bolt, dual, job{
			prepare: func(t *testing.T, n faulttest.Network) {
				leaseSome(t, n)
				_, err := n.Add("to-be-damaged")
				require.NoError(t, err)
				text, err := os.ReadFile(n.Path())
				require.NoError(t, err)
				damaged := bytes.ReplaceAll(text, []byte("to-be-damaged"), []byte("to be damaged"))
				require.NotEqual(t, text, damaged)
				require.NoError(t, os.WriteFile(n.Path(), damaged, 0o600))
				require.Error(t, stores.Verify(t.Context(), n.Path()))
			},
			args: []string{"verify", "--repair", faulttest.Name},
			done: func(t *testing.T, n faulttest.Network) { requireContainers(t, n, leasesBefore) },
		})
	}
}

func TestImportOnFullDisk(t *testing.T) {
	forEachStore(t, func(t *testing.T, store string, dual bool) {
		for _, there := range []bool{false, true} {
			from := faulttest.Network{Dir: faulttest.Dir(t), Backend: store, Dual: dual, Size: 10}
			leaseSome(t, from)
			exported := filepath.Join(t.TempDir(), "leases.jsonl")
			cmd := from.Tool(faulttest.Shared(t).Leasehold, "export", faulttest.Name, "--to", exported)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			everyFreeAmount(t, store, dual, job{
				prepare: func(t *testing.T, n faulttest.Network) {
					require.NoError(t, os.Mkdir(n.Dir, 0o755))
					if there { // one of the leases exists already
						lease(t, n, 1)
					}
				},
				args: []string{"import", exported},
				done: func(t *testing.T, n faulttest.Network) { requireContainers(t, n, leasesBefore) },
			})
		}
	})
}

// everyFreeAmount runs a job with every amount of free space, so that the disk gets full at
// each moment. A failed job changes nothing, and succeeds when it is repeated with enough
// space.
func everyFreeAmount(t *testing.T, store string, dual bool, j job) {
	t.Helper()
	for _, r := range resources() {
		refused, succeeded := 0, false
		for left := 0; !succeeded; left = nextAmount(left) {
			onTmpfs(t, plenty, func(d disk) {
				n := d.network(store, dual, 10)
				j.prepare(t, n)
				before := snapshot(t, n)
				d.leave(r, left)
				out, err := n.Tool(faulttest.Shared(t).Leasehold, j.args...).CombinedOutput()
				if succeeded = err == nil; !succeeded {
					refused++
					require.Contains(t, string(out), "no space left on device")
					require.Contains(t, string(out), n.Dir)
					require.Equal(t, before, snapshot(t, n))
					requireNoLeftovers(t, n)
					d.remount(0, plenty)
					out, err = n.Tool(faulttest.Shared(t).Leasehold, j.args...).CombinedOutput()
				}
				require.NoError(t, err, "%s", out)
				j.done(t, n)
				requireNoLeftovers(t, n)
				d.remount(0, plenty)
				n.Backend = "" // use the existing store
				require.NoError(t, n.Exercise(t.Context()))
			})
		}
		t.Logf("%s, %s: %d moments", j.args[0], r.name, refused)
	}
}

// snapshot returns the content of the data directory without .leasehold, and without zeros
// at the end of files, which are preallocated space.
func snapshot(t *testing.T, n faulttest.Network) map[string]string {
	t.Helper()
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(n.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.Name() == ".leasehold" {
			return fs.SkipDir
		}
		if e.Type().IsRegular() {
			text, err := os.ReadFile(path)
			all[path] = string(bytes.TrimRight(text, "\x00"))
			return err
		}
		all[path] = e.Type().String()
		return nil
	}))
	return all
}

func requireContainers(t *testing.T, n faulttest.Network, count int) {
	t.Helper()
	held, err := n.Verify(t.Context())
	require.NoError(t, err)
	for i := range count {
		require.Contains(t, held, fmt.Sprint("c", i))
	}
}

// requireNoLeftovers requires that .leasehold contains only locks and stores that were
// replaced.
func requireNoLeftovers(t *testing.T, n faulttest.Network) {
	t.Helper()
	kept := regexp.MustCompile(`^(lock|` + faulttest.Name + `\.lock|` + faulttest.Name + `\.before-(migration|repair)-[0-9T.]*Z(\.jsonl)?)$`)
	all, err := os.ReadDir(n.Dir)
	require.NoError(t, err)
	for _, e := range all {
		require.Contains(t, []string{faulttest.Name, ".leasehold"}, e.Name())
	}
	aside, err := os.ReadDir(filepath.Join(n.Dir, ".leasehold"))
	if !errors.Is(err, fs.ErrNotExist) { // An import into an existing store creates no .leasehold.
		require.NoError(t, err)
	}
	for _, e := range aside {
		require.Regexp(t, kept, e.Name())
	}
	require.LessOrEqual(t, len(aside), 4)
}
