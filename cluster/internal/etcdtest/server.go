package etcdtest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Place is where a server runs, if not on the loopback interface of this machine.
type Place interface {
	// Host is its IP address.
	Host() string

	// Enter has a command run there.
	Enter(*exec.Cmd)

	// Dial connects from there.
	Dial(address string, limit time.Duration) (net.Conn, error)
}

// A Server is one member of a cluster of etcd.
type Server struct {
	// Endpoint is the URL for clients, and Addr its host and port.
	Endpoint, Addr string

	// Dir has the data of the member.
	Dir string

	t       testing.TB
	place   Place // nil: the loopback interface
	program string
	flags   []string
	cmd     *exec.Cmd // nil while it does not run
	output  *os.File
}

// Start starts a cluster of one member, with more flags of etcd. It ends with the test.
func Start(t testing.TB, flags ...string) *Server {
	t.Helper()
	return StartAll(t, 1, flags...)[0]
}

// StartAll starts a cluster of n members.
func StartAll(t testing.TB, n int, flags ...string) []*Server {
	t.Helper()
	return start(t, make([]Place, n), nil, flags)
}

// StartAt starts a cluster of one member in each place.
func StartAt(t testing.TB, places []Place, flags ...string) []*Server {
	t.Helper()
	return start(t, places, nil, flags)
}

// StartTLS starts a cluster of one member, which accepts only clients with a certificate of the CA.
func StartTLS(t testing.TB, ca *CA, flags ...string) *Server {
	t.Helper()
	return start(t, make([]Place, 1), ca, flags)[0]
}

func start(t testing.TB, places []Place, ca *CA, flags []string) []*Server {
	t.Helper()
	program, n := Program(t, "etcd"), len(places)
	all, peers, initial := make([]*Server, n), make([]string, n), make([]string, n)
	for i, place := range places {
		host := newHost()
		if place != nil {
			host = place.Host()
		}
		all[i] = &Server{Addr: host + ":2379", Dir: filepath.Join(t.TempDir(), "data"), t: t, place: place, program: program}
		all[i].Endpoint = "http://" + all[i].Addr
		if ca != nil {
			cert, key := ca.Issue(host, time.Now().Add(time.Hour))
			all[i].Endpoint = "https://" + all[i].Addr
			all[i].flags = []string{"--cert-file", cert, "--key-file", key, "--trusted-ca-file", ca.Path, "--client-cert-auth=true"}
		}
		peers[i] = "http://" + host + ":2380"
		initial[i] = fmt.Sprintf("m%d=%s", i, peers[i])
	}
	for i, s := range all {
		s.flags = append(s.flags, append([]string{
			"--name", fmt.Sprintf("m%d", i), "--data-dir", s.Dir,
			"--listen-client-urls", s.Endpoint, "--advertise-client-urls", s.Endpoint,
			"--listen-peer-urls", peers[i], "--initial-advertise-peer-urls", peers[i],
			"--initial-cluster", strings.Join(initial, ","),
			"--logger", "zap", "--log-level", "warn", "--unsafe-no-fsync",
			"--heartbeat-interval", "50", "--election-timeout", "500",
		}, flags...)...)
		s.launch()
		t.Cleanup(s.Kill)
	}
	for _, s := range all {
		s.wait()
	}
	return all
}

// newHost returns an address of the loopback interface that no other server has: all of 127.0.0.0/8
// is there. A free port of 127.0.0.1 could be taken by another process before the server has it.
func newHost() string {
	return netip.AddrFrom4([4]byte{127, byte(1 + rand.N(254)), byte(rand.N(256)), byte(1 + rand.N(254))}).String()
}

// Start starts the server again that was killed.
func (s *Server) Start() {
	s.t.Helper()
	s.launch()
	s.wait()
}

// StartNew starts a server whose disk is lost, as a new member of the cluster, with the same name and
// URLs: the others have removed it, and added it again.
func (s *Server) StartNew() {
	s.t.Helper()
	s.Kill()
	if err := os.RemoveAll(s.Dir); err != nil {
		s.t.Fatal(err)
	}
	s.flags = append(s.flags, "--initial-cluster-state", "existing")
	s.Start()
}

func (s *Server) launch() {
	s.t.Helper()
	output, err := os.Create(s.Dir + ".log")
	if err != nil {
		s.t.Fatal(err)
	}
	s.output = output
	s.cmd = exec.Command(s.program, s.flags...)
	if s.place != nil {
		s.place.Enter(s.cmd)
	}
	s.cmd.Stdout, s.cmd.Stderr = output, output
	if err := Launch(s.cmd); err != nil {
		s.t.Fatal(err)
	}
}

// wait waits until the server accepts connections.
func (s *Server) wait() {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		conn, err := s.dial()
		if err == nil {
			conn.Close() // Nothing was sent.
			return
		}
	}
	s.t.Fatalf("etcd does not start:\n%s", s.log())
}

func (s *Server) dial() (net.Conn, error) {
	if s.place != nil {
		return s.place.Dial(s.Addr, time.Second)
	}
	return net.Dial("tcp", s.Addr)
}

func (s *Server) log() []byte {
	text, err := os.ReadFile(s.Dir + ".log")
	if err != nil {
		return []byte(err.Error())
	}
	return bytes.TrimSpace(text)
}

// Kill kills the server, if it runs, as kill -9 does.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill() // If it has ended by itself, the caller notices that soon enough.
	s.cmd.Wait()         // It says that it was killed.
	s.output.Close()     // The server has written it.
	s.cmd = nil
}

// Stop stops the server, which keeps its connections and answers nothing, until Continue.
func (s *Server) Stop() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	for !status.Stopped() { // The signal is sent before it has arrived.
		if _, err := syscall.Wait4(s.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Continue continues a server after Stop.
func (s *Server) Continue() {
	s.t.Helper()
	s.signal(syscall.SIGCONT)
}

func (s *Server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// Snapshot returns the path of a snapshot of the server, which accepts clients without a certificate.
func (s *Server) Snapshot() string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "snapshot")
	out, err := exec.Command(Program(s.t, "etcdctl"), "--endpoints", s.Endpoint, "snapshot", "save", path).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// Restore sets a cluster of one member back to a snapshot, with the same name and URLs as before,
// by etcdutl snapshot restore with more flags.
func (s *Server) Restore(snapshot string, flags ...string) {
	s.t.Helper()
	s.Kill()
	if err := os.RemoveAll(s.Dir); err != nil {
		s.t.Fatal(err)
	}
	args := []string{"snapshot", "restore", snapshot, "--data-dir", s.Dir}
	for i, flag := range s.flags {
		switch flag {
		case "--name", "--initial-cluster", "--initial-advertise-peer-urls":
			args = append(args, flag, s.flags[i+1])
		}
	}
	if out, err := exec.Command(Program(s.t, "etcdutl"), append(args, flags...)...).CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	s.Start()
}
