package manyhosts

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/cluster/internal/wire"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/hostlocal"
)

// A segment is three servers and three hosts, each on a machine of its own. Host 0 and 1 run an agent;
// host 2 executes leasehold-cluster.
type segment struct {
	*world
	network  *wire.Network
	servers  []*etcdtest.Server
	machines []*wire.Machine // the servers', and then the hosts'
	random   *rand.Rand
	while    time.Duration // how long each fault lasts
}

func newSegment(t *testing.T, seed uint64) *segment {
	t.Helper()
	network, machines := wire.New(t, seed, "server0", "server1", "server2", "host0", "host1", "host2")
	s := &segment{network: network, machines: machines, random: rand.New(rand.NewPCG(seed, 1)), while: 500 * time.Millisecond}
	timeout := "1s"
	if faulttest.Exhaustive() {
		timeout, s.while = "2s", 6*time.Second
	}
	s.servers = etcdtest.StartAt(t, []etcdtest.Place{machines[0], machines[1], machines[2]})
	s.world = newHosts(t, 3)
	var urls []string
	for _, server := range s.servers {
		urls = append(urls, fmt.Sprintf("%q", server.Endpoint))
	}
	for i, h := range s.hosts {
		h.place, h.gives = machines[3+i], true
		h.configure(fmt.Sprintf(`"endpoints": [%s], "timeout": %q`, strings.Join(urls, ", "), timeout))
	}
	s.eventually("init", func() error {
		_, stderr, status := s.hosts[0].says("init", "net", "--block-size", fmt.Sprint(blockSize))
		if status != 0 && !strings.Contains(stderr, "space net exists") {
			return errors.New(stderr)
		}
		return nil
	})
	for _, h := range s.hosts[:2] {
		h.startAgent(filepath.Join(t.TempDir(), "agent.log"))
	}
	return s
}

// startAgent starts an agent, which ends with the test.
func (h *host) startAgent(log string) {
	h.t.Helper()
	cmd := h.cluster("agent", "--every", "500ms", "--urgent", "500ms", "--conf-dir", h.data)
	out, err := os.Create(log)
	require.NoError(h.t, err)
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(h.t, etcdtest.Launch(cmd))
	h.t.Cleanup(func() {
		require.NoError(h.t, cmd.Process.Kill(), "it has ended before")
		cmd.Wait() // It says that it was killed.
		require.NoError(h.t, out.Close())
	})
}

func (s *segment) server(i int) *wire.Machine { return s.machines[i] }
func (s *segment) host(i int) *wire.Machine   { return s.machines[3+i] }

// eventually calls fn until it succeeds, or fails the test.
func (s *segment) eventually(what string, fn func() error) {
	s.t.Helper()
	var err error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = fn(); err == nil {
			return
		}
	}
	s.t.Fatalf("%s: %v", what, err)
}

// leader returns which server leads the others.
func (s *segment) leader() (leader int) {
	s.t.Helper()
	s.eventually("a leader", func() error {
		for i, server := range s.servers {
			if is, err := leads(s.server(i), server.Endpoint); is || err != nil {
				leader = i
				return err
			}
		}
		return errors.New("no server leads")
	})
	return leader
}

func leads(at *wire.Machine, endpoint string) (bool, error) {
	c, err := clientv3.New(clientv3.Config{
		Endpoints: []string{endpoint}, Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(func(_ context.Context, address string) (net.Conn, error) {
			return at.Dial(address, time.Second)
		})},
	})
	if err != nil {
		return false, err
	}
	defer c.Close() // Nothing was changed.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	status, err := c.Status(ctx, endpoint)
	return err == nil && status.Leader == status.Header.MemberId, err
}

// A networkFault is what happens to the network until it is healed.
type networkFault struct {
	name  string
	quick bool
	do    func(s *segment)
}

// cut is a way on which everything is lost.
var cut = wire.Condition{Loss: 1}

func networkFaults() []networkFault {
	return []networkFault{
		{"nothing", true, func(s *segment) { time.Sleep(s.while) }},
		{"the leader is cut off from the other servers", true, func(s *segment) {
			leader := s.leader()
			for i := range s.servers {
				if i != leader {
					s.network.Between(s.server(leader), s.server(i), cut)
				}
			}
			time.Sleep(s.while)
		}},
		{"the leader is cut off from all", false, func(s *segment) {
			leader := s.server(s.leader())
			for _, m := range s.machines {
				s.network.Between(leader, m, cut)
			}
			time.Sleep(s.while)
		}},
		{"the leader is deaf", false, func(s *segment) {
			leader := s.server(s.leader())
			for _, m := range s.machines {
				s.network.Set(m, leader, cut)
			}
			time.Sleep(s.while)
		}},
		{"the leader is mute", false, func(s *segment) {
			leader := s.server(s.leader())
			for _, m := range s.machines {
				s.network.Set(leader, m, cut)
			}
			time.Sleep(s.while)
		}},
		{"one server cannot hear another", false, func(s *segment) {
			s.network.Set(s.server(0), s.server(1), cut)
			time.Sleep(s.while)
		}},
		{"no server reaches another", false, func(s *segment) {
			for i := range s.servers {
				for j := range i {
					s.network.Between(s.server(i), s.server(j), cut)
				}
			}
			time.Sleep(s.while)
		}},
		{"each host reaches another server", false, func(s *segment) {
			for i := range s.hosts {
				for j := range s.servers {
					if i != j {
						s.network.Between(s.host(i), s.server(j), cut)
					}
				}
			}
			time.Sleep(s.while)
		}},
		{"two hosts reach no server, and then another two", false, func(s *segment) {
			for i := range s.hosts {
				s.network.Heal()
				for j := range s.servers {
					s.network.Between(s.host(i), s.server(j), cut)
					s.network.Between(s.host((i+1)%3), s.server(j), cut)
				}
				time.Sleep(s.while / 2)
			}
		}},
		{"a server and a host are apart from the others", true, func(s *segment) {
			for i, m := range s.machines {
				if i != 0 && i != 3 {
					s.network.Between(s.server(0), m, cut)
					s.network.Between(s.host(0), m, cut)
				}
			}
			time.Sleep(s.while)
		}},
		{"requests of all hosts are lost, one after the other", false, func(s *segment) {
			for i := range s.hosts {
				s.network.Heal()
				for j := range s.servers {
					s.network.Set(s.host(i), s.server(j), cut)
				}
				time.Sleep(s.while / 2)
			}
		}},
		{"answers to all hosts are lost, one after the other", true, func(s *segment) {
			for i := range s.hosts {
				s.network.Heal()
				for j := range s.servers {
					s.network.Set(s.server(j), s.host(i), cut)
				}
				time.Sleep(s.while / 2)
			}
		}},
		{"a third is lost", true, func(s *segment) {
			s.network.Everywhere(wire.Condition{Loss: 0.3})
			time.Sleep(s.while)
		}},
		{"everything takes long", false, func(s *segment) {
			s.network.Everywhere(wire.Condition{Delay: 100 * time.Millisecond})
			time.Sleep(s.while)
		}},
		{"requests take two seconds", false, func(s *segment) {
			for i := range s.hosts {
				for j := range s.servers {
					s.network.Set(s.host(i), s.server(j), wire.Condition{Delay: 2 * time.Second})
				}
			}
			time.Sleep(s.while)
		}},
		{"ways break and heal", true, func(s *segment) {
			for end := time.Now().Add(s.while); time.Now().Before(end); time.Sleep(time.Duration(s.random.IntN(50)) * time.Millisecond) {
				c := wire.Condition{}
				if s.random.IntN(2) == 0 {
					c = cut
				}
				from, to := s.random.IntN(len(s.machines)), s.random.IntN(len(s.machines))
				s.network.Set(s.machines[from], s.machines[to], c)
			}
		}},
	}
}

// anyFault has each way treat packets in its own way.
func (s *segment) anyFault() {
	for _, from := range s.machines {
		for _, to := range s.machines {
			c := wire.Condition{}
			switch s.random.IntN(8) {
			case 0, 1:
				c = cut
			case 2:
				c.Loss = s.random.Float64() / 2
			case 3:
				c.Delay = time.Duration(s.random.IntN(1000)) * time.Millisecond
			}
			s.network.Set(from, to, c)
		}
	}
}

// continues requires, once the network is healed, that each host continues, and that the servers and the
// stores agree.
func (s *segment) continues() {
	s.t.Helper()
	for _, h := range s.hosts {
		succeeds := func(args ...string) {
			s.t.Helper()
			s.eventually(h.name+": "+args[0], func() error {
				if out, stderr, status := h.says(args...); status != 0 {
					return fmt.Errorf("exit status %d: %s%s", status, out, stderr)
				}
				return nil
			})
		}
		succeeds("attest", "net")
		succeeds("verify", "net", "--local") // The agent can be making a request.
		succeeds("verify", "net")
		succeeds("give-back", "net")
	}
	for _, h := range s.hosts {
		var addr netip.Addr
		s.eventually(h.name+": ADD", func() (err error) { // It has given all blocks back, so it asks for one.
			addr, err = h.add("afterwards")
			return err
		})
		require.NoError(s.t, h.del("afterwards", addr), "DEL on %s", h.name)
	}
	s.nothingTwice()
	s.list()
}

// No host has an address that another one has, whatever the network does, a container can always be
// deleted, and when the network is whole all hosts continue.
func TestNetworkFaults(t *testing.T) {
	seed := faulttest.Seed(t)
	s := newSegment(t, seed)
	may := []uint{hostlocal.CodeExhausted, hostlocal.CodeTryAgain}
	for i, f := range networkFaults() {
		if !f.quick && !faulttest.Exhaustive() {
			continue
		}
		t.Log(f.name)
		s.meanwhile(seed+uint64(i), func() {
			f.do(s)
			s.network.Heal()
		}, may...)
		s.continues()
	}
	if !faulttest.Exhaustive() {
		return
	}
	for i := range 10 {
		s.meanwhile(seed+100+uint64(i), func() {
			for range 5 {
				s.anyFault()
				time.Sleep(s.while / 3)
			}
			s.network.Heal()
		}, may...)
		s.continues()
	}
	t.Logf("%d operations", len(s.history.operations))
}

var _ etcdtest.Place = (*wire.Machine)(nil)
