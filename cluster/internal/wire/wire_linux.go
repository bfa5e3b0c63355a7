package wire

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Network connects machines. It is safe for concurrent use.
type Network struct {
	t        testing.TB
	machines map[netip.Addr]*Machine
	ended    chan struct{}
	all      sync.WaitGroup // goroutines

	mu         sync.Mutex
	random     *rand.Rand
	conditions map[way]Condition
}

// A way is one direction between two machines.
type way struct{ from, to *Machine }

// A Condition is how a way treats packets. The zero Condition passes all on at once.
type Condition struct {
	Loss  float64       // the share of the packets that are lost; 1: all
	Delay time.Duration // of each packet that is not lost
}

// A Machine is a network namespace and a mount namespace. Its methods are safe for concurrent use.
type Machine struct {
	Name string
	Addr netip.Addr

	network     *Network
	tun         *os.File
	net, mounts *os.File // the namespaces
	calls       chan func()
	queues      map[*Machine]chan packet // to each machine
}

// A packet is on its way until it is due.
type packet struct {
	data []byte
	due  time.Time
}

// queueLen is how many packets a way holds; it loses those that are more, as a switch does.
const queueLen = 4096

// New returns a network of machines with these names. It ends with the test. Without root, or without
// what it needs, the test is skipped. seed decides which packets are lost.
func New(t testing.TB, seed uint64, names ...string) (*Network, []*Machine) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to make network namespaces")
	}
	if _, err := exec.LookPath("nsenter"); err != nil {
		t.Skipf("needs the program nsenter: %v", err)
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skipf("needs TUN devices: %v", err)
	}
	n := &Network{
		t: t, machines: make(map[netip.Addr]*Machine), ended: make(chan struct{}),
		random: rand.New(rand.NewPCG(seed, 0)), conditions: make(map[way]Condition),
	}
	t.Cleanup(n.end)
	machines := make([]*Machine, 0, len(names))
	for i, name := range names {
		m := &Machine{
			Name: name, Addr: netip.AddrFrom4([4]byte{192, 168, 100, byte(1 + i)}),
			network: n, calls: make(chan func()), queues: make(map[*Machine]chan packet),
		}
		made := make(chan error)
		n.all.Go(func() { m.live(made) })
		if err := <-made; err != nil {
			t.Fatalf("machine %s: %v", name, err)
		}
		n.machines[m.Addr] = m
		machines = append(machines, m)
	}
	for _, from := range machines {
		for _, to := range machines {
			queue := make(chan packet, queueLen)
			from.queues[to] = queue
			n.all.Go(func() { n.deliver(to, queue) })
		}
		n.all.Go(from.send)
	}
	return n, machines
}

// end ends the network. Processes on its machines have ended, or lose their network.
func (n *Network) end() {
	close(n.ended)
	for _, m := range n.machines {
		if err := errors.Join(m.tun.Close(), m.net.Close(), m.mounts.Close()); err != nil {
			n.t.Error(err)
		}
	}
	n.all.Wait()
}

// live makes the namespaces in a thread of its own, which ends with the network, and performs calls in
// them.
func (m *Machine) live(made chan<- error) {
	runtime.LockOSThread() // It is never unlocked, so the thread ends with the goroutine.
	err := m.make()
	made <- err
	if err != nil {
		return
	}
	for {
		select {
		case call := <-m.calls:
			call()
		case <-m.network.ended:
			return
		}
	}
}

func (m *Machine) make() error {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	var err error
	if m.net, err = os.Open("/proc/thread-self/ns/net"); err != nil {
		return err
	}
	if m.mounts, err = os.Open("/proc/thread-self/ns/mnt"); err != nil {
		return err
	}
	return m.plug()
}

// plug makes the network interface.
func (m *Machine) plug() error {
	// The poller takes the descriptor only after the interface is made.
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	request, err := unix.NewIfreq("eth0")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return fmt.Errorf("TUNSETIFF: %w", err)
	}
	m.tun = os.NewFile(uintptr(fd), "tun")
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket) // Nothing was sent.
	for _, step := range []struct {
		name string
		call uint
		set  func(*unix.Ifreq) error
	}{
		{"lo", unix.SIOCSIFFLAGS, up},
		{"eth0", unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(m.Addr.AsSlice()) }},
		{"eth0", unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr([]byte{255, 255, 255, 0}) }},
		{"eth0", unix.SIOCSIFFLAGS, up},
	} {
		request, err := unix.NewIfreq(step.name)
		if err == nil {
			err = step.set(request)
		}
		if err == nil {
			err = unix.IoctlIfreq(socket, step.call, request)
		}
		if err != nil {
			return fmt.Errorf("set up %s: %w", step.name, err)
		}
	}
	return nil
}

func up(r *unix.Ifreq) error {
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return nil
}

// send takes what the machine sends, and puts it on its way.
func (m *Machine) send() {
	buffer := make([]byte, 1<<16)
	for {
		n, err := m.tun.Read(buffer)
		if err != nil {
			return // The network has ended.
		}
		if n < 20 || buffer[0]>>4 != 4 {
			continue // IPv6 looks for routers.
		}
		to := m.network.machines[netip.AddrFrom4([4]byte(buffer[16:20]))]
		if to == nil {
			continue
		}
		lost, delay := m.network.drawn(way{m, to})
		if lost {
			continue
		}
		select {
		case m.queues[to] <- packet{append([]byte{}, buffer[:n]...), time.Now().Add(delay)}:
		default: // It is lost.
		}
	}
}

// drawn says what happens to a packet.
func (n *Network) drawn(w way) (lost bool, delay time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.conditions[w]
	return c.Loss > 0 && n.random.Float64() < c.Loss, c.Delay
}

// deliver gives a machine the packets of one way, in order, each when it is due. A cut of the way does
// not hold up those that are on it.
func (n *Network) deliver(to *Machine, queue <-chan packet) {
	for {
		select {
		case p := <-queue:
			select {
			case <-time.After(time.Until(p.due)):
			case <-n.ended:
				return
			}
			_, _ = to.tun.Write(p.data) // A full or closed interface loses packets, as others do.
		case <-n.ended:
			return
		}
	}
}

// Set sets how packets are treated from now on that from sends to to.
func (n *Network) Set(from, to *Machine, c Condition) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conditions[way{from, to}] = c
}

// Between sets both ways between two machines.
func (n *Network) Between(a, b *Machine, c Condition) {
	n.Set(a, b, c)
	n.Set(b, a, c)
}

// Everywhere sets all ways.
func (n *Network) Everywhere(c Condition) {
	for _, from := range n.machines {
		for _, to := range n.machines {
			n.Set(from, to, c)
		}
	}
}

// Heal has all ways pass everything on at once. What was held back arrives late.
func (n *Network) Heal() { n.Everywhere(Condition{}) }

// Do calls fn in a thread that is on the machine, and that other calls of Do wait for.
func (m *Machine) Do(fn func() error) error {
	done := make(chan error, 1)
	select {
	case m.calls <- func() { done <- fn() }:
		return <-done
	case <-m.network.ended:
		return net.ErrClosed
	}
}

// Dial connects from the machine to an address, within a time limit.
func (m *Machine) Dial(address string, limit time.Duration) (conn net.Conn, err error) {
	err = m.Do(func() error {
		conn, err = net.DialTimeout("tcp", address, limit)
		return err
	})
	return conn, err
}

// Host returns the address of the machine, as a text.
func (m *Machine) Host() string { return m.Addr.String() }

// Enter has a command run on the machine. Its paths have to be absolute.
func (m *Machine) Enter(cmd *exec.Cmd) {
	if cmd.Err != nil {
		return // It fails when it is started.
	}
	at := func(f *os.File) string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd()) }
	enter := exec.Command("nsenter", append([]string{
		"--net=" + at(m.net), "--mount=" + at(m.mounts), "--", cmd.Path,
	}, cmd.Args[1:]...)...)
	cmd.Path, cmd.Args, cmd.Err = enter.Path, enter.Args, enter.Err
}
