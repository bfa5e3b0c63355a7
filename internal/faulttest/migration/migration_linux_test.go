package migration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/fstype"
	"github.com/leasehold/leasehold/internal/stores"
)

func TestMain(m *testing.M) { os.Exit(faulttest.MainWithMounts(m)) }

// A node is a data directory with one network.
type node struct {
	*testing.T
	programs faulttest.Programs
	dir      string
	mu       sync.Mutex
	held     map[netip.Addr]string // container IDs of the holders
}

// newNode returns a node whose network has n leases in a store of the given kind.
func newNode(t *testing.T, dir, kind string, n int) *node {
	t.Helper()
	node := &node{T: t, programs: faulttest.Shared(t), dir: dir, held: make(map[netip.Addr]string)}
	c := backend.Content{Cursors: map[string]netip.Addr{"0": netip.MustParseAddr("10.0.0.1")}}
	c.Leases = func(yield func(backend.Lease, error) bool) {
		addr := netip.MustParseAddr("10.1.0.0")
		for i := range n {
			addr = addr.Next()
			id := fmt.Sprintf("first%d", i)
			node.held[addr] = id
			l := backend.Lease{Addr: addr, Owner: backend.Owner{ContainerID: id, IfName: "eth0"}, Since: time.Unix(1_700_000_000, 0)}
			if i%10 == 0 {
				l.Owner.IfName = "" // as early versions of the stock plugin wrote it
			}
			if !yield(l, nil) {
				return
			}
		}
	}
	require.NoError(t, stores.Create(node.path(), kind, c))
	return node
}

func (n *node) path() string { return filepath.Join(n.dir, "podnet") }

// plugin runs the plugin and returns its standard output.
func (n *node) plugin(command, id string) (out []byte, err error) {
	cmd := exec.Command(n.programs.HostLocal)
	cmd.Env = append(os.Environ(), "CNI_COMMAND="+command, "CNI_CONTAINERID="+id, "CNI_NETNS=/n", "CNI_IFNAME=eth0", "CNI_PATH=/p")
	cmd.Stdin = strings.NewReader(`{"cniVersion": "1.1.0", "name": "podnet", "ipam": {"type": "host-local",
		"subnet": "10.0.0.0/8", "dataDir": "` + n.dir + `"}}`)
	return cmd.Output()
}

func (n *node) add(id string) {
	out, err := n.plugin("ADD", id)
	var answer struct {
		Code uint
		IPs  []struct{ Address netip.Prefix }
	}
	if !assert.NoError(n, json.Unmarshal(out, &answer), "%s", out) || answer.Code == 11 {
		return // "try again later": the lock was not obtained in time
	}
	if !assert.NoError(n, err, "%s", out) || !assert.Len(n, answer.IPs, 1) {
		return
	}
	addr := answer.IPs[0].Address.Addr()
	n.mu.Lock()
	defer n.mu.Unlock()
	assert.Empty(n, n.held[addr], "%s is leased to %s, and to %s", addr, n.held[addr], id)
	n.held[addr] = id
}

func (n *node) del(id string) {
	n.mu.Lock()
	for addr, holder := range n.held {
		if holder == id {
			delete(n.held, addr) // before the DEL, after which another container can get the address
		}
	}
	n.mu.Unlock()
	out, err := n.plugin("DEL", id)
	for err != nil && bytes.Contains(out, []byte(`"code": 11,`)) && n.Context().Err() == nil {
		out, err = n.plugin("DEL", id) // As a runtime does: a migration has the lock, on a slow machine for long.
	}
	assert.NoError(n, err, "%s", out)
}

// requireIntact checks that the store has exactly the leases in held, and is not damaged.
func (n *node) requireIntact() {
	n.Helper()
	got := make(map[netip.Addr]string)
	require.NoError(n, stores.Follow(n.path()).View(n.Context(), func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			require.NoError(n, err)
			got[l.Addr] = l.Owner.ContainerID
		}
		return nil
	}))
	require.Equal(n, n.held, got)
	require.NoError(n, stores.Verify(n.Context(), n.path()))
}

func (n *node) kind() string {
	kind, err := stores.KindAt(n.path())
	require.NoError(n, err)
	return kind
}

// leasehold runs the tool.
func (n *node) leasehold(args ...string) *exec.Cmd {
	return exec.Command(n.programs.Leasehold, append([]string{"--conf-dir", n.dir + "/none", "--data-dir", n.dir}, args...)...)
}

func (n *node) migrate(to string) {
	n.Helper()
	out, err := n.leasehold("migrate", "podnet", "--to", to).CombinedOutput()
	require.NoError(n, err, "%s", out)
	require.Equal(n, to, n.kind())
}

// load runs four plugins at a time, which lease and release until stop is called. adds returns
// the number of ADDs so far.
func (n *node) load() (adds func() int, stop func()) {
	var done atomic.Bool
	var added atomic.Int32
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := 0; !done.Load(); i++ {
				n.add(fmt.Sprintf("w%d-%d", worker, i))
				added.Add(1)
				if i%4 > 0 {
					n.del(fmt.Sprintf("w%d-%d", worker, i-i%3))
				}
			}
		})
	}
	stop = func() {
		done.Store(true)
		all.Wait()
	}
	n.Cleanup(stop) // If the test fails: the plugins use a directory that is removed next.
	return func() int { return int(added.Load()) }, stop
}

// Plugins continue while their network is migrated to the other kind of store and back, on a
// file system that can exchange names and on one that cannot.
func TestMigrateUnderLoad(t *testing.T) {
	leases := 5000
	if testing.Short() {
		leases = 500
	}
	for name, dir := range map[string]func(*testing.T) string{"exchange": (*testing.T).TempDir, "in turn": bindfs} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, dir(t), config.Files, leases)
			adds, stop := n.load()
			for _, to := range []string{config.Bolt, config.Files, config.Bolt} {
				before := adds()
				n.migrate(to)
				require.Eventually(t, func() bool { return adds() >= before+8 }, time.Minute, time.Millisecond)
			}
			stop()
			n.requireIntact()
		})
	}
}

// A migration that is killed at any moment leaves one of the two stores intact; the next one
// succeeds and cleans up.
func TestMigrateKilled(t *testing.T) {
	for name, dir := range map[string]func(*testing.T) string{"exchange": (*testing.T).TempDir, "in turn": bindfs} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, dir(t), config.Files, 500)
			kinds := []string{config.Bolt, config.Files}
			killed := 0
			for i := range kills() {
				to := kinds[i%2]
				cmd := n.leasehold("migrate", "podnet", "--to", to)
				require.NoError(t, cmd.Start())
				time.Sleep(time.Duration(rand.N(60)) * time.Millisecond)
				require.NoError(t, ignoreDone(cmd.Process.Kill()))
				if cmd.Wait() != nil {
					killed++
				}
				n.requireIntact()
				n.add(fmt.Sprint("after", i))
				n.migrate(to)
				n.requireIntact()
				require.Empty(t, n.leftovers())
			}
			require.Positive(t, killed)
			t.Log(killed, "of", kills(), "were killed in time")
		})
	}
}

func kills() int {
	if faulttest.Exhaustive() {
		return 1000
	}
	if testing.Short() {
		return 4
	}
	return 12
}

func ignoreDone(err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// leftovers lists the files in .leasehold other than locks and replaced stores.
func (n *node) leftovers() (names []string) {
	entries, err := os.ReadDir(filepath.Join(n.dir, ".leasehold"))
	require.NoError(n, err)
	for _, e := range entries {
		if e.Name() == "lock" || e.Name() == "podnet.lock" {
			continue
		}
		if !strings.HasPrefix(e.Name(), "podnet.before-migration-") || strings.HasSuffix(e.Name(), ".next") {
			names = append(names, e.Name())
		}
	}
	return names
}

// On a FUSE file system, verify warns that another mount would share no locks, and of what can happen then.
func TestVerifyWarnsOfLocks(t *testing.T) {
	for _, test := range []struct{ dir, kind, want string }{
		{bindfs(t), config.Bolt, fstype.NoSharedLocks}, {bindfs(t), config.Files, fstype.NoSharedLocksForFiles}, {t.TempDir(), config.Bolt, ""},
	} {
		n := newNode(t, test.dir, test.kind, 1)
		out, err := n.leasehold("verify", "podnet").CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Equal(t, test.want != "", strings.Contains(string(out), "(FUSE)"), "%s", out)
		require.Contains(t, string(out), test.want)
	}
}

// bindfs returns a directory on bindfs, a FUSE file system that supports neither
// RENAME_EXCHANGE nor RENAME_NOREPLACE.
func bindfs(t *testing.T) string {
	t.Helper()
	below, mounted := t.TempDir(), t.TempDir()
	faulttest.Bindfs(t, below, mounted)
	return mounted
}

// File systems differ in what an exchange or a rename changes of a directory.
func TestMigrateOnEachFileSystem(t *testing.T) {
	for _, kind := range []string{"ext4", "xfs", "btrfs"} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			options := []string{}
			if kind == "btrfs" {
				options = append(options, "--mixed")
			}
			faulttest.NewImage(t, kind, 400<<20, options...).Mount(t, dir)
			t.Cleanup(func() { faulttest.Run(t, "umount", dir) })
			n := newNode(t, dir, config.Files, 20)
			for _, to := range []string{config.Bolt, config.Files, config.Bolt, config.Files} {
				n.migrate(to)
				n.add("after-" + to)
				n.del("after-" + to)
				n.requireIntact()
				require.Empty(t, n.leftovers())
			}
			export, err := n.leasehold("export", "podnet").Output()
			require.NoError(t, err)
			for _, to := range []string{config.Bolt, config.Files} {
				require.NoError(t, os.RemoveAll(n.path()))
				cmd := n.leasehold("import", "--backend", to, "-")
				cmd.Stdin = strings.NewReader(string(export))
				out, err := cmd.CombinedOutput()
				require.NoError(t, err, "%s", out)
				require.Equal(t, to, n.kind())
				n.requireIntact()
			}
		})
	}
}
