package manyhosts

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/etcd"
	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// programs is the directory with the plugin and leasehold-cluster.
var programs string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "leasehold-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) // What is left is in the directory for temporary files.
	programs = dir
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// plantedEnv names a mistake in testdata/planted with which the programs are built.
const plantedEnv = "LEASEHOLD_TEST_PLANTED"

func build(dir string) error {
	args := []string{"build", "-ldflags", "-s -w", "-o", filepath.Join(dir, "leasehold-cluster")}
	var patches []faulttest.Patch
	if name := os.Getenv(plantedEnv); name != "" {
		patches = append(patches, faulttest.Planted(name))
		overlay, err := faulttest.Overlaid(filepath.Join(dir, "cluster"), patches...)
		if err != nil {
			return err
		}
		args = append(args, "-overlay", overlay)
	}
	if _, err := faulttest.Build(dir, patches...); err != nil {
		return err
	}
	cmd := exec.Command("go", append(args, "github.com/leasehold/leasehold/cluster/cmd/leasehold-cluster")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// A world is some hosts that share a network, and who has which address of it.
type world struct {
	t     *testing.T
	hosts []*host

	// Of a world with a space of its own: where that is.
	server *etcdtest.Server
	keys   keyspace
	prefix string

	added   atomic.Int64 // containers that were started at random
	history history

	mu   sync.Mutex
	used map[netip.Addr]string // by containers that are running
}

// A host is a machine of the world.
type host struct {
	*world
	name           string
	data, settings string
	network        string // empty: net

	place etcdtest.Place // where its programs run; nil: beside the test
	gives bool           // it gives blocks back at random moments
}

const ranges = `"subnet": "10.0.0.0/26"`

// leasable is how many addresses of the range can be leased: not its own, the gateway and the last.
const leasable = 61

// newWorld makes n hosts and the space of their network.
func newWorld(t *testing.T, n int, servers ...*etcdtest.Server) *world {
	t.Helper()
	w := newHosts(t, n, servers...)
	w.hosts[0].does("space net: 10.0.0.1-10.0.0.62; blocks of 4 IPv4\n", "init", "net", "--block-size", fmt.Sprint(blockSize))
	return w
}

// newHosts makes n hosts.
func newHosts(t *testing.T, n int, servers ...*etcdtest.Server) *world {
	t.Helper()
	w := &world{t: t, used: map[netip.Addr]string{}}
	var urls []string
	for _, s := range servers {
		urls = append(urls, fmt.Sprintf("%q", s.Endpoint))
	}
	for i := range n {
		h := &host{world: w, name: fmt.Sprintf("host%d", i), data: t.TempDir(), settings: t.TempDir()}
		h.configure(fmt.Sprintf(`"endpoints": [%s], "timeout": "20s"`, strings.Join(urls, ", ")))
		w.hosts = append(w.hosts, h)
	}
	return w
}

// configure writes the settings of the host.
func (h *host) configure(keys string) {
	h.t.Helper()
	text := fmt.Sprintf(`{"host": %q, %s}`, h.name, keys)
	require.NoError(h.t, os.WriteFile(filepath.Join(h.settings, "dc1.json"), []byte(text), 0o600))
}

func (h *host) conf() string {
	return fmt.Sprintf(`{"cniVersion": "1.1.0", "name": "net", "type": "macvlan", "ipam": {"type": "host-local", "backend": "bolt",
		"cluster": "dc1", "dataDir": %q, "lockTimeout": "2m", %s}}`, h.data, ranges)
}

// command returns a command with the configuration and the environment of a plugin.
func (h *host) command(program string, args []string, env ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(programs, program), args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "CNI_PATH=" + programs, "LEASEHOLD_CLUSTERS=" + h.settings}, env...)
	cmd.Stdin = strings.NewReader(h.conf())
	if h.place != nil {
		h.place.Enter(cmd)
	}
	return cmd
}

func (h *host) cluster(args ...string) *exec.Cmd { return h.command("leasehold-cluster", args) }

// plugin executes the plugin. The error is a [*types.Error].
func (h *host) plugin(command, id string, env ...string) ([]byte, error) {
	cmd := h.command("host-local", nil, append(env, "CNI_COMMAND="+command, "CNI_CONTAINERID="+id, "CNI_IFNAME=eth0")...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err == nil {
		return out, nil
	}
	e := new(types.Error)
	if json.Unmarshal(out, e) != nil || e.Code == 0 {
		return nil, fmt.Errorf("%w: %s%s", err, out, errs.Bytes())
	}
	return nil, e
}

// add starts a container. It is a failure of the test if another one has its address.
func (h *host) add(id string, env ...string) (netip.Addr, error) {
	began := h.history.begin()
	out, err := h.plugin("ADD", id, env...)
	if err != nil {
		return netip.Addr{}, err
	}
	addrs, err := faulttest.Addresses(out)
	if err != nil || len(addrs) != 1 {
		return netip.Addr{}, fmt.Errorf("%w: %s", err, out)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if other := h.used[addrs[0]]; other != "" {
		h.t.Errorf("%s of %s and %s have %s", id, h.name, other, addrs[0])
	}
	h.used[addrs[0]] = id + " of " + h.name
	h.history.end(began, operation{leased, holder{h.name, id}, addrs[0], held{}})
	return addrs[0], nil
}

// del ends a container.
func (h *host) del(id string, addr netip.Addr) error {
	h.mu.Lock()
	delete(h.used, addr)
	h.mu.Unlock()
	began := h.history.begin()
	_, err := h.plugin("DEL", id)
	if err == nil {
		h.history.end(began, operation{released, holder{h.name, id}, addr, held{}})
	}
	return err
}

// code returns the code of a CNI error; 0 for nil.
func code(t *testing.T, err error) uint {
	t.Helper()
	if err == nil {
		return 0
	}
	e := new(types.Error)
	require.ErrorAs(t, err, &e)
	return e.Code
}

// state returns the blocks and leases of a host.
func (h *host) state() (blocks []backend.Block, leases []backend.Lease) {
	h.t.Helper()
	require.NoError(h.t, h.store().View(h.t.Context(), func(tx backend.ReadTx) (err error) {
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			leases = append(leases, l)
		}
		blocks, err = backend.Blocks(tx)
		return err
	}))
	return blocks, leases
}

// store returns the store of the host's network.
func (h *host) store() *bolt.Store { return bolt.Open(filepath.Join(h.data, cmp.Or(h.network, "net"))) }

// reboot has the store look as it does after the machine was booted.
func (h *host) reboot() {
	h.t.Helper()
	require.NoError(h.t, h.store().Update(h.t.Context(), func(tx backend.Tx) error {
		shared, err := backend.AsShared(tx)
		if err != nil {
			return err
		}
		m, err := tx.Membership()
		if err != nil {
			return err
		}
		m.Attested = "00000000-0000-4000-8000-000000000000"
		return shared.SetMembership(m)
	}))
}

// evict evicts a host, as an operator does that has switched it off.
func (w *world) evict(s *etcdtest.Server, h *host) {
	w.t.Helper()
	e := etcd.New(etcd.Config{Endpoints: []string{s.Endpoint}})
	defer func() { require.NoError(w.t, e.Close()) }()
	admin := cluster.NewAdmin(e, "/leasehold")
	all, err := admin.Hosts(w.t.Context(), "net")
	require.NoError(w.t, err)
	for _, shown := range all {
		if shown.Name == h.name {
			_, err := admin.Evict(w.t.Context(), "net", shown)
			require.NoError(w.t, err)
			return
		}
	}
	w.t.Fatal("there is no host", h.name)
}

// nothingTwice requires that the stores of no two hosts have an open block or a lease in common, and that
// there is a lease for each container, and no other. A block can be asked for by two hosts, and be claimed
// by one while another has not learned that the servers know that it was given back.
func (w *world) nothingTwice() {
	w.t.Helper()
	blocks, leases := map[netip.Addr]string{}, map[netip.Addr]string{}
	for _, h := range w.hosts {
		ours, held := h.state()
		for _, b := range ours {
			if b.State != backend.Open {
				continue
			}
			require.Empty(w.t, blocks[b.First], "block %s of %s", b, h.name)
			blocks[b.First] = h.name
		}
		for _, l := range held {
			require.Empty(w.t, leases[l.Addr], "%s", l.Addr)
			leases[l.Addr] = l.Owner.ContainerID + " of " + h.name
		}
	}
	require.Equal(w.t, w.used, leases)
}
