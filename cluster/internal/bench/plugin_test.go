package bench

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/measure"
)

// network is the name of all networks, and of their space.
const network = "bench"

// The subnet of all networks.
var (
	first  = netip.MustParseAddr("10.0.0.2")
	latest = netip.MustParseAddr("10.255.255.254")
)

// A host runs the plugin as a container runtime does, on a store of its own.
type host struct {
	tb      testing.TB
	dir     string
	program string
	shared  bool     // with other hosts
	env     []string // besides the variables of a container
	held    []attachment
	next    measure.Container
}

// An attachment is a container with its addresses.
type attachment struct {
	measure.Container
	addrs []netip.Addr
}

// newHost returns a host that shares nothing.
func newHost(tb testing.TB) *host {
	tb.Helper()
	require.NoError(tb, build())
	return &host{tb: tb, dir: tb.TempDir(), program: filepath.Join(programs, "host-local")}
}

// newSharing returns a host that shares the network, and knows where the servers are, if any.
func newSharing(tb testing.TB, servers ...*etcdtest.Server) *host {
	tb.Helper()
	h := newHost(tb)
	h.shared = true
	settings := tb.TempDir()
	urls, name := strings.Join(endpoints(servers), `", "`), fmt.Sprintf("host%x", rand.Uint64())
	text := fmt.Sprintf(`{"endpoints": ["%s"], "host": %q, "ahead": 0}`, urls, name)
	require.NoError(tb, os.WriteFile(filepath.Join(settings, "dc1.json"), []byte(text), 0o600))
	// Of two variables with one name the first counts.
	h.env = []string{"CNI_PATH=" + programs, "LEASEHOLD_CLUSTERS=" + settings}
	return h
}

func (h *host) path() string { return filepath.Join(h.dir, network) }

// run runs a command and returns how long it took, in nanoseconds, and what it printed.
func (h *host) run(command string, a attachment) (ns float64, output string, err error) {
	ipam := map[string]any{
		"type": "host-local", "backend": "bolt", "dataDir": h.dir, "routes": []any{map[string]any{"dst": "0.0.0.0/0"}},
		"ranges": []any{[]any{map[string]any{"subnet": "10.0.0.0/8"}}},
	}
	if h.shared {
		ipam["cluster"] = "dc1"
	}
	conf := faulttest.PrevResult(a.addrs)
	if command == "ADD" {
		conf = make(map[string]any)
	}
	conf["cniVersion"], conf["name"], conf["type"], conf["bridge"], conf["ipam"] = "1.1.0", network, "bridge", "cni0", ipam
	stdin, err := json.Marshal(conf)
	if err != nil {
		return 0, "", err
	}
	run, err := measure.Command{Path: h.program, Env: append(h.env[:len(h.env):len(h.env)], a.Env(command)...), Stdin: stdin}.Do()
	return float64(run.Took), run.Output, err
}

// add adds the next container. If that fails, it can be added again.
func (h *host) add() (ns float64, err error) {
	a := attachment{Container: h.next}
	ns, output, err := h.run("ADD", a)
	if err == nil {
		a.addrs, err = faulttest.Addresses([]byte(output))
	}
	if err == nil {
		h.next++
		h.held = append(h.held, a)
	}
	return ns, err
}

// mustAdd is add, which must not fail.
func (h *host) mustAdd() float64 {
	h.tb.Helper()
	ns, err := h.add()
	require.NoError(h.tb, err)
	return ns
}

// check checks the newest container, and del deletes the oldest.
func (h *host) check() float64 { return h.silent("CHECK", h.held[len(h.held)-1]) }

func (h *host) del() float64 {
	oldest := h.held[0]
	h.held = h.held[1:]
	return h.silent("DEL", oldest)
}

func (h *host) silent(command string, a attachment) float64 {
	h.tb.Helper()
	ns, output, err := h.run(command, a)
	require.NoError(h.tb, err)
	require.Empty(h.tb, output)
	return ns
}

// update changes the store.
func (h *host) update(fn func(tx backend.Tx) error) {
	h.tb.Helper()
	s := bolt.Open(h.path())
	require.NoError(h.tb, s.Update(h.tb.Context(), fn))
	require.NoError(h.tb, s.Close())
}

// give makes the store a member with n blocks in hand, which have so many addresses together. After
// each block there is one that the host does not hold.
func (h *host) give(n, addresses int) {
	h.tb.Helper()
	h.update(func(tx backend.Tx) error {
		shared, err := backend.AsShared(tx)
		if err != nil {
			return err
		}
		err = shared.SetMembership(backend.Membership{
			Cluster: "dc1", Space: network, Host: "a", Incarnation: backend.Mark{1}, Attested: boot.Current().ID,
		})
		for i := 0; i < n && err == nil; i++ {
			size := addresses / n
			err = shared.PutBlock(backend.Block{First: address(2 * i * size), Last: address((2*i+1)*size - 1), State: backend.Open})
		}
		return err
	})
}

// address returns 10.0.0.0 plus n.
func address(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

// fill leases n addresses in ascending order, as ADDs do.
func (h *host) fill(n int) {
	h.tb.Helper()
	const batch = 100 // in a transaction
	addr := first
	for len(h.held) < n {
		h.update(func(tx backend.Tx) error {
			for range min(batch, n-len(h.held)) {
				var err error
				if addr, err = tx.NextFree(addr, latest); err != nil {
					return err
				}
				if err := tx.Put(h.next.Lease(addr, boot.Current().ID)); err != nil {
					return err
				}
				h.held = append(h.held, attachment{h.next, []netip.Addr{addr}})
				h.next++
			}
			if err := tx.SetCursor("0", addr); err != nil {
				return err
			}
			return tx.SetLastSearch(boot.Current().ID)
		})
	}
}
