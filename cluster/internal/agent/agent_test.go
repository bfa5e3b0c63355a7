package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/etcd"
	"github.com/leasehold/leasehold/cluster/internal/agent"
	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/cluster/internal/host"
	"github.com/leasehold/leasehold/internal/hostlocal"
	"github.com/leasehold/leasehold/internal/neighbour"
)

// A machine has an agent, which keeps some unused blocks, settings and a store of its own.
type machine struct {
	t                     *testing.T
	data, confs, settings string
	socket                string
	log                   *logged
}

// A logged is a log that can be read while an agent writes it.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newMachine(t *testing.T, s *etcdtest.Server, name string, ahead int) machine {
	t.Helper()
	m := machine{t, t.TempDir(), t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "run", "cluster.sock"), new(logged)}
	text := fmt.Sprintf(`{"endpoints": [%q], "host": %q, "ahead": %d, "timeout": "2s"}`, s.Endpoint, name, ahead)
	require.NoError(t, os.WriteFile(filepath.Join(m.settings, "dc1.json"), []byte(text), 0o600))
	return m
}

// conf returns the configuration of the network net, of /28.
func (m machine) conf() string {
	return fmt.Sprintf(`{"cniVersion": "1.1.0", "name": "net", "type": "ptp", "ipam": {"type": "host-local", "backend": "bolt", "cluster": "dc1",
		"dataDir": %q, "subnet": "10.0.0.0/28", "rangeStart": "10.0.0.0", "rangeEnd": "10.0.0.15", "gateway": "none"}}`, m.data)
}

func (m machine) configure() {
	m.t.Helper()
	require.NoError(m.t, os.WriteFile(filepath.Join(m.confs, "10-net.conf"), []byte(m.conf()), 0o644))
}

// start starts the agent, and returns it and a function that stops it.
func (m machine) start(every time.Duration) (*agent.Agent, func()) {
	m.t.Helper()
	a := agent.New(agent.Options{
		ConfDir: m.confs, Settings: m.settings, Every: every, Urgent: 20 * time.Millisecond, Log: slog.New(slog.NewTextHandler(m.log, nil)),
	})
	l, err := agent.Listen(m.socket)
	require.NoError(m.t, err)
	_, err = agent.Listen(m.socket)
	require.ErrorContains(m.t, err, "another agent listens there")
	info, err := os.Stat(m.socket)
	require.NoError(m.t, err)
	require.Equal(m.t, os.FileMode(0o600), info.Mode().Perm())
	ctx, cancel := context.WithCancel(m.t.Context())
	ended := make(chan error, 2)
	go func() { ended <- a.Serve(ctx, l) }()
	go func() { ended <- a.Run(ctx) }()
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(m.t, <-ended)
			require.NoError(m.t, <-ended)
		}
	}
	m.t.Cleanup(stop)
	return a, stop
}

func (m machine) open(args string) *host.Host {
	m.t.Helper()
	h, err := host.Open([]byte(m.conf()), args, m.settings)
	require.NoError(m.t, err)
	m.t.Cleanup(func() { require.NoError(m.t, h.Close()) })
	return h
}

// update changes the store.
func (m machine) update(fn func(tx backend.Tx) error) {
	m.t.Helper()
	require.NoError(m.t, bolt.Open(filepath.Join(m.data, "net")).Update(m.t.Context(), fn))
}

// lease leases the first n addresses that are free.
func (m machine) lease(n int) {
	m.t.Helper()
	m.update(func(tx backend.Tx) error {
		for i := range n {
			addr, err := tx.NextFree(netip.MustParseAddr("10.0.0.0"), netip.MustParseAddr("10.0.0.15"))
			if err != nil {
				return err
			}
			if err := tx.Put(backend.Lease{Addr: addr, Owner: backend.Owner{ContainerID: fmt.Sprint("c", i)}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// blocks returns how many blocks are open, and how many more are requested or closing.
func (m machine) blocks() (open, others int) {
	m.t.Helper()
	s, err := m.open("").State(m.t.Context())
	require.NoError(m.t, err)
	for state, n := range s.Blocks {
		if state == backend.Open {
			open += n
		} else {
			others += n
		}
	}
	return open, others
}

// eventually waits until the machine has as many blocks as wanted, and the servers know it: a block
// that is closing is still the machine's to them.
func (m machine) eventually(want int) {
	m.t.Helper()
	require.Eventually(m.t, func() bool {
		open, others := m.blocks()
		return open == want && others == 0
	}, 20*time.Second, 20*time.Millisecond, "log: %s", m.log)
}

func (m machine) ask(command, args string) error {
	n := neighbour.Neighbour{Socket: m.socket}
	return n.Ask(m.t.Context(), neighbour.Request{Command: command, Network: "net", Args: args, Config: json.RawMessage(m.conf())})
}

func newSpace(t *testing.T) *etcdtest.Server {
	t.Helper()
	s := etcdtest.Start(t)
	_, err := newMachine(t, s, "operator", 0).open("").Init(t.Context(), 4, false)
	require.NoError(t, err)
	return s
}

// An agent joins, keeps one unused block, and gives back what is beyond.
func TestKeep(t *testing.T) {
	m := newMachine(t, newSpace(t), "a", 1)
	m.configure()
	a, stop := m.start(50 * time.Millisecond)
	m.eventually(1)
	m.lease(1)
	m.eventually(2)
	m.lease(4)
	m.eventually(3)
	for range 2 { // The addresses end with their leases.
		m.update(func(tx backend.Tx) error {
			for l, err := range tx.Leases(netip.Addr{}) {
				if err != nil {
					return err
				}
				defer tx.Delete(l.Addr) // An error shows in the number of blocks.
			}
			return nil
		})
	}
	m.eventually(1)

	require.Regexp(t, `leasehold_cluster_blocks{network="net",space="net",state="open"} [123]`, metrics(a))
	require.Contains(t, metrics(a), `leasehold_cluster_confirmed{network="net",space="net"} 1`)
	require.Contains(t, metrics(a), `leasehold_cluster_halted{network="net",space="net"} 0`)
	stop()
	require.Contains(t, m.log.String(), "gave a block back")
	require.NoFileExists(t, m.socket)
}

func metrics(a *agent.Agent) string {
	w := httptest.NewRecorder()
	a.Metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// In a space whose hosts are to adopt first, no host gets blocks.
func TestHalted(t *testing.T) {
	s := etcdtest.Start(t)
	operator := newMachine(t, s, "operator", 0).open("")
	_, err := operator.Init(t.Context(), 4, true)
	require.NoError(t, err)
	m := newMachine(t, s, "a", 1)
	m.configure()
	a, stop := m.start(50 * time.Millisecond)
	defer stop()
	shows := func(halted string) {
		require.Eventually(t, func() bool {
			return strings.Contains(metrics(a), `leasehold_cluster_halted{network="net",space="net"} `+halted)
		}, 20*time.Second, 20*time.Millisecond, "log: %s", m.log)
	}
	shows("1")
	require.NoError(t, operator.Operate(t.Context(), host.ManyRequests, func(ctx context.Context, o host.Operator) error {
		return o.Recovered(ctx, o.Space)
	}))
	shows("0")
	m.eventually(1)
}

// The plugin asks the agent, which knows the network from then on.
func TestServe(t *testing.T) {
	s := newSpace(t)
	_, err := newMachine(t, s, "b", 0).open("IP=10.0.0.4").Claim(t.Context())
	require.NoError(t, err)
	m := newMachine(t, s, "a", 0)
	_, stop := m.start(time.Hour)
	require.NoError(t, m.ask(neighbour.Attest, ""))
	require.NoError(t, m.ask(neighbour.Claim, "IP=10.0.0.9"))
	m.eventually(1)
	err = m.ask("dance", "")
	var said *neighbour.Answer
	require.ErrorAs(t, err, &said)
	require.Contains(t, said.Msg, `does not know the command "dance"`)

	err = m.ask(neighbour.Claim, "IP=10.0.0.5")
	require.ErrorAs(t, err, &said)
	require.Equal(t, hostlocal.CodeTaken, said.Code)

	s.Kill()
	require.ErrorAs(t, m.ask(neighbour.Claim, "IP=10.0.0.13"), &said)
	require.Equal(t, hostlocal.CodeTryAgain, said.Code)
	s.Start()
	require.Eventually(t, func() bool { // Until it is connected again.
		err := m.ask(neighbour.Claim, "IP=10.0.0.13")
		return err == nil || !errors.As(err, &said) || said.Code != hostlocal.CodeTryAgain
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, m.ask(neighbour.Claim, "IP=10.0.0.13"))
	stop()
	require.ErrorIs(t, m.ask(neighbour.Claim, ""), neighbour.ErrNotInstalled, "it would execute the program")

	// What an agent that was killed has left is replaced.
	l, err := agent.Listen(m.socket)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

// What fails is logged once, however often it is tried, and so is its end.
func TestLog(t *testing.T) {
	s := newSpace(t)
	m := newMachine(t, s, "a", 1)
	m.configure()
	_, stop := m.start(30 * time.Millisecond)
	m.eventually(1)
	commit := func(op cluster.Op, logs string) {
		t.Helper()
		e := etcd.New(etcd.Config{Endpoints: []string{s.Endpoint}})
		defer e.Close() // The commit has its own error.
		_, err := e.Commit(t.Context(), cluster.Txn{Then: []cluster.Op{op}})
		require.NoError(t, err)
		require.Eventually(t, func() bool { return strings.Contains(m.log.String(), logs) }, 20*time.Second, 20*time.Millisecond)
		time.Sleep(500 * time.Millisecond) // a dozen looks, and two dozen for what is wanted
	}
	const halt, halted, resumed = "/leasehold/1/net/halt", "the space is halted by b: a test", "works again"
	commit(cluster.Put(halt, []byte(`{"V":1,"By":"b","Text":"a test"}`)), halted)
	commit(cluster.Delete(halt), resumed)
	stop()
	require.Equal(t, 1, strings.Count(m.log.String(), halted), m.log.String())
	require.Equal(t, 1, strings.Count(m.log.String(), resumed), m.log.String())
}

// Names, units and help are as Prometheus wants them.
func TestMetricsAreLinted(t *testing.T) {
	m := newMachine(t, newSpace(t), "a", 1)
	m.configure()
	a, stop := m.start(30 * time.Millisecond)
	m.eventually(1)
	require.NoError(t, m.ask(neighbour.Attest, ""))
	stop()
	w := httptest.NewRecorder()
	a.Metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	problems, err := promlint.New(w.Body).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}

// A host that finds no free block gets one that another host does not use.
func TestWanted(t *testing.T) {
	s := newSpace(t)
	a, b := newMachine(t, s, "a", 1), newMachine(t, s, "b", 0)
	a.configure()
	_, _ = a.start(time.Hour)
	a.eventually(1)
	_, err := a.open("IP=10.0.0.1").Claim(t.Context())
	require.NoError(t, err)
	for _, addr := range []string{"10.0.0.1", "10.0.0.5", "10.0.0.9", "10.0.0.13"} {
		_, err := a.open("IP=" + addr).Claim(t.Context())
		require.NoError(t, err)
	}
	a.lease(1)
	a.eventually(4)
	_, err = b.open("").Claim(t.Context())
	require.Error(t, err)
	a.eventually(1)
	_, err = b.open("").Claim(t.Context())
	require.NoError(t, err)
	b.eventually(1)
}

// Settings that change are read again, as certificates change before they expire.
func TestSettingsChange(t *testing.T) {
	s := newSpace(t)
	m := newMachine(t, s, "a", 0)
	m.start(time.Hour)
	require.NoError(t, m.ask(neighbour.Attest, ""))
	path := filepath.Join(m.settings, "dc1.json")
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	bad := strings.Replace(string(good), s.Endpoint, "http://127.0.0.1:1", 1)
	require.NoError(t, os.WriteFile(path, []byte(bad), 0o600))
	claim := func() error {
		for _, addr := range []string{"10.0.0.1", "10.0.0.5", "10.0.0.9", "10.0.0.13"} { // It holds one of their blocks at most.
			if err := m.ask(neighbour.Claim, "IP="+addr); err != nil {
				return err
			}
		}
		return nil
	}
	require.Error(t, claim())
	require.NoError(t, os.WriteFile(path, good, 0o600))
	require.Eventually(t, func() bool { return claim() == nil }, 30*time.Second, 10*time.Millisecond)
}
