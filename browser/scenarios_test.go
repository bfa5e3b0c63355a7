package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
)

// A scenario is the networks of a host.
type scenario struct {
	t        *testing.T
	dir      string // of the configurations and stores
	now      time.Time
	networks int
	rand     *rand.Rand
	stop     func() // what serve has started
}

func newScenario(t *testing.T) *scenario {
	s := &scenario{t: t, dir: t.TempDir(), now: time.Now().Truncate(time.Second), rand: rand.New(rand.NewPCG(1, 2))}
	require.NoError(t, os.Mkdir(filepath.Join(s.dir, "net.d"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(s.dir, "data"), 0o755))
	return s
}

// configure writes the configuration of a network with more keys of ipam.
func (s *scenario) configure(name string, ipam map[string]any) {
	s.networks++
	ipam["type"], ipam["dataDir"] = "host-local", filepath.Join(s.dir, "data")
	text, err := json.Marshal(map[string]any{"cniVersion": "1.0.0", "name": name, "type": "bridge", "ipam": ipam})
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, "net.d", fmt.Sprintf("%02d.conf", s.networks)), text, 0o600))
}

// ranges returns a value of ipam.ranges with a set for each subnet.
func ranges(subnets ...string) any {
	var sets [][]map[string]string
	for _, subnet := range subnets {
		sets = append(sets, []map[string]string{{"subnet": subnet}})
	}
	return sets
}

// fill fills the store of a network in one transaction.
func (s *scenario) fill(name string, fn func(tx everyTx) error) {
	store := bolt.Open(filepath.Join(s.dir, "data", name))
	defer store.Close() // An Update has written everything.
	require.NoError(s.t, store.Update(context.Background(), func(tx backend.Tx) error {
		every := tx.(everyTx)
		if err := every.SetPolicy("keep=10000 for=720h0m0s reuse=30s"); err != nil {
			return err
		}
		return fn(every)
	}))
}

// An everyTx is a transaction of a bolt store.
type everyTx interface {
	backend.HistoryTx
	backend.CoolingTx
	backend.SharedTx
}

// lease returns a lease of a Kubernetes pod that was made that long ago.
func (s *scenario) lease(addr netip.Addr, age time.Duration) backend.Lease {
	const digits = "0123456789abcdef"
	var id strings.Builder
	for range 64 {
		id.WriteByte(digits[s.rand.IntN(len(digits))])
	}
	apps := []string{"web-frontend", "checkout", "session-cache", "mailer", "ledger-writer", "search-indexer"}
	app := apps[s.rand.IntN(len(apps))]
	return backend.Lease{
		Addr: addr, Owner: backend.Owner{ContainerID: id.String(), IfName: "eth0"}, Since: s.now.Add(-age),
		Pod: backend.Pod{Namespace: fmt.Sprintf("team-%d", s.rand.IntN(9)), Name: fmt.Sprintf("%s-%07x-%04x", app, s.rand.Uint32N(1<<28), s.rand.Uint32N(1<<16))},
	}
}

// boot is how long the machine can have been running at least: leases that are older are from an
// earlier boot.
func uptime(t *testing.T) time.Duration {
	text, err := os.ReadFile("/proc/uptime")
	require.NoError(t, err)
	var seconds float64
	_, err = fmt.Sscan(string(text), &seconds)
	require.NoError(t, err)
	return time.Duration(seconds * float64(time.Second))
}

// young returns an age since the machine was started.
func (s *scenario) young() time.Duration {
	return time.Duration(s.rand.Float64() * 0.9 * float64(uptime(s.t)))
}

// put makes leases of n addresses from the first one on, at a distance of step.
func (s *scenario) put(tx everyTx, first string, n, step int) error {
	addr := netip.MustParseAddr(first)
	for range n {
		if err := tx.Put(s.lease(addr, s.young())); err != nil {
			return err
		}
		for range step {
			addr = addr.Next()
		}
	}
	return nil
}

// record adds n ended leases of the same addresses, up to days ago.
func (s *scenario) record(tx everyTx, first string, addrs, n int, over time.Duration) error {
	base := netip.MustParseAddr(first)
	free := make(map[netip.Addr]time.Duration) // since when, ago
	for i := range n {
		addr := base
		for range s.rand.IntN(addrs) {
			addr = addr.Next()
		}
		until := over - over*time.Duration(i)/time.Duration(n)
		age := until + time.Duration(s.rand.Int64N(int64(over/10)))
		if last, ok := free[addr]; ok {
			age = min(age, last)
		}
		free[addr] = until
		l := s.lease(addr, age)
		if err := tx.Record(backend.Ended{Lease: l, Until: s.now.Add(-until), Cause: backend.EndedByDEL}); err != nil {
			return err
		}
	}
	return nil
}

// scenarios are what a page has to show, by name.
func scenarios() map[string]func(s *scenario) {
	return map[string]func(s *scenario){
		"slash29": func(s *scenario) {
			s.configure("tiny", map[string]any{"subnet": "10.88.0.0/29", "backend": "bolt"})
			s.fill("tiny", func(tx everyTx) error {
				if err := s.record(tx, "10.88.0.2", 5, 40, time.Hour); err != nil {
					return err
				}
				return s.put(tx, "10.88.0.2", 3, 1)
			})
		},
		"slash24": func(s *scenario) {
			s.configure("podnet", map[string]any{"ranges": ranges("10.88.0.0/24"), "backend": "bolt", "reuseAfter": "30s"})
			s.fill("podnet", func(tx everyTx) error {
				if err := s.record(tx, "10.88.0.2", 250, 400, 6*time.Hour); err != nil {
					return err
				}
				for i, a := range []string{"10.88.0.140", "10.88.0.141", "10.88.0.150"} {
					if err := tx.Cool(netip.MustParseAddr(a), s.now.Add(-time.Duration(5*i)*time.Second)); err != nil {
						return err
					}
				}
				old := s.lease(netip.MustParseAddr("10.88.0.200"), uptime(s.t)+30*time.Hour)
				if err := tx.Put(old); err != nil {
					return err
				}
				if err := s.put(tx, "10.88.0.2", 120, 1); err != nil {
					return err
				}
				return s.put(tx, "10.88.0.160", 12, 3)
			})
		},
		"slash16": func(s *scenario) {
			s.configure("podnet", map[string]any{"subnet": "10.88.0.0/16", "backend": "bolt"})
			s.fill("podnet", func(tx everyTx) error {
				if err := s.record(tx, "10.88.0.2", 11_000, 10_000, 20*time.Hour); err != nil {
					return err
				}
				return s.put(tx, "10.88.0.2", 10_000, 1)
			})
		},
		"slash16scattered": func(s *scenario) {
			s.configure("podnet", map[string]any{"subnet": "10.88.0.0/16", "backend": "bolt"})
			s.fill("podnet", func(tx everyTx) error { return s.put(tx, "10.88.0.2", 10_000, 6) })
		},
		"six64": func(s *scenario) {
			s.configure("six", map[string]any{"subnet": "fd00:10:88::/64", "backend": "bolt"})
			s.fill("six", func(tx everyTx) error {
				if err := s.put(tx, "fd00:10:88::2", 75, 1); err != nil {
					return err
				}
				if err := s.put(tx, "fd00:10:88::1:0:8", 20, 2); err != nil {
					return err
				}
				return s.put(tx, "fd00:10:88:0:abcd::1", 3, 1)
			})
		},
		"dual": func(s *scenario) {
			s.configure("podnet", map[string]any{"ranges": ranges("10.88.0.0/25", "fd00:10:88::/112"), "backend": "bolt"})
			s.fill("podnet", func(tx everyTx) error {
				if err := s.record(tx, "10.88.0.2", 100, 90, 3*time.Hour); err != nil {
					return err
				}
				four, six := netip.MustParseAddr("10.88.0.2"), netip.MustParseAddr("fd00:10:88::2")
				for range 44 {
					l := s.lease(four, s.young())
					if err := tx.Put(l); err != nil {
						return err
					}
					l.Addr = six
					if err := tx.Put(l); err != nil {
						return err
					}
					four, six = four.Next(), six.Next()
				}
				return nil
			})
			s.configure("storage", map[string]any{"subnet": "192.168.7.0/26", "backend": "bolt"})
			s.fill("storage", func(tx everyTx) error { return s.put(tx, "192.168.7.2", 9, 1) })
		},
		"empty": func(s *scenario) {
			s.configure("podnet", map[string]any{"subnet": "10.88.0.0/24", "backend": "bolt"})
		},
		"full": func(s *scenario) {
			s.configure("podnet", map[string]any{"ranges": ranges("10.88.0.0/25"), "backend": "bolt"})
			s.fill("podnet", func(tx everyTx) error {
				if err := s.record(tx, "10.88.0.2", 100, 60, 2*time.Hour); err != nil {
					return err
				}
				return s.put(tx, "10.88.0.2", 125, 1)
			})
		},
		"torn": func(s *scenario) {
			s.configure("legacy", map[string]any{"subnet": "10.88.0.0/26"})
			dir := filepath.Join(s.dir, "data", "legacy")
			require.NoError(s.t, os.Mkdir(dir, 0o755))
			for i, addr := range []string{"10.88.0.2", "10.88.0.3", "10.88.0.4", "10.88.0.7", "10.88.0.9", "10.99.0.1"} {
				text := fmt.Sprintf("%064x\r\neth0", i*0x1234567)
				if i == 1 || i == 3 {
					text = ""
				}
				require.NoError(s.t, os.WriteFile(filepath.Join(dir, addr), []byte(text), 0o600))
			}
		},
		"shared": func(s *scenario) {
			s.configure("podnet", map[string]any{"subnet": "10.88.0.0/24", "backend": "bolt"})
			s.fill("podnet", func(tx everyTx) error {
				member := backend.Membership{Cluster: "dc1", Space: "pods", Host: "node-1", Incarnation: backend.Mark{1}}
				if err := tx.SetMembership(member); err != nil {
					return err
				}
				for _, b := range []string{"10.88.0.0-10.88.0.31", "10.88.0.96-10.88.0.127"} {
					first, last, _ := strings.Cut(b, "-")
					block := backend.Block{First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last), State: backend.Open, Mark: backend.Mark{3}}
					if err := tx.PutBlock(block); err != nil {
						return err
					}
				}
				return s.put(tx, "10.88.0.2", 21, 1)
			})
		},
		"hostile": func(s *scenario) {
			s.configure("podnet", map[string]any{"subnet": "10.88.0.0/27", "backend": "bolt"})
			s.fill("podnet", func(tx everyTx) error {
				for i, evil := range hostileNames() {
					l := s.lease(netip.AddrFrom4([4]byte{10, 88, 0, byte(2 + i)}), s.young())
					l.Owner = backend.Owner{ContainerID: evil, IfName: evil}
					l.Pod = backend.Pod{Namespace: evil, Name: evil}
					if err := tx.Put(l); err != nil {
						return err
					}
					if err := tx.Record(backend.Ended{Lease: l, Until: s.now, Cause: backend.EndedByDEL}); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// hostileNames are names of containers that a page must show as text.
func hostileNames() []string {
	return []string{
		`</script><script>document.title="owned"</script>`, `"><img src=x onerror="document.title='owned'">`, `'; alert(1); '`,
		"\u202egnp.exe", strings.Repeat("long-", 800), "{{.Host}}", "</textarea></svg></main>", "x\u2028\u2029\ufeffx", `\u003cb\u003e`, "<!--",
	}
}
