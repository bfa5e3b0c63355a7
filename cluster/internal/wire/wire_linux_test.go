package wire

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A mailbox receives on one machine what others send to it, as datagrams.
type mailbox struct {
	t  *testing.T
	at *Machine
	*net.UDPConn
}

func listen(t *testing.T, at *Machine) mailbox {
	t.Helper()
	var conn *net.UDPConn
	require.NoError(t, at.Do(func() (err error) {
		conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: at.Addr.AsSlice(), Port: 1})
		return err
	}))
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	require.NoError(t, conn.SetReadBuffer(1<<20))
	return mailbox{t, at, conn}
}

// post sends a text from a machine, in n datagrams.
func (b mailbox) post(from *Machine, text string, n int) {
	b.t.Helper()
	var conn net.Conn
	require.NoError(b.t, from.Do(func() (err error) {
		conn, err = net.Dial("udp4", fmt.Sprintf("%s:1", b.at.Addr))
		return err
	}))
	for range n {
		_, err := conn.Write([]byte(text))
		require.NoError(b.t, err)
	}
	require.NoError(b.t, conn.Close())
}

// next returns the text of the next datagram.
func (b mailbox) next() string {
	b.t.Helper()
	buffer := make([]byte, 99)
	n, err := b.Read(buffer)
	require.NoError(b.t, err)
	return string(buffer[:n])
}

// One direction of one connection is cut; the others are not.
func TestOneWay(t *testing.T) {
	n, m := New(t, 1, "a", "b", "c")
	toB, toA := listen(t, m[1]), listen(t, m[0])
	n.Set(m[0], m[1], Condition{Loss: 1})
	toB.post(m[0], "a", 3)
	toB.post(m[2], "c", 1)
	require.Equal(t, "c", toB.next())
	toA.post(m[1], "b", 1)
	require.Equal(t, "b", toA.next())
	n.Heal()
	toB.post(m[0], "a", 1)
	require.Equal(t, "a", toB.next())
	toB.post(m[2], "c", 1)
	require.Equal(t, "c", toB.next(), "what was lost does not arrive")
}

// The network loses the share that it is to lose, and the same packets for the same seed.
func TestLoss(t *testing.T) {
	for range 2 {
		n, m := New(t, 1, "a", "b")
		box := listen(t, m[1])
		n.Set(m[0], m[1], Condition{Loss: 0.3})
		box.post(m[0], "before", 200)
		box.post(m[0], "after", 50) // One of them arrives.
		got := 0
		for box.next() == "before" {
			got++
		}
		require.Equal(t, 128, got)
	}
}

// What is held back arrives after the way is healed, and not before its time.
func TestDelay(t *testing.T) {
	n, m := New(t, 1, "a", "b")
	box := listen(t, m[1])
	const delay = 200 * time.Millisecond
	n.Set(m[0], m[1], Condition{Delay: delay})
	began := time.Now()
	box.post(m[0], "a", 2)
	require.Equal(t, "a", box.next())
	require.GreaterOrEqual(t, time.Since(began), delay)
	n.Heal()
	require.Equal(t, "a", box.next())
}

// A program sees the interfaces and the /run of its machine, and no others.
func TestEnter(t *testing.T) {
	_, m := New(t, 1, "a", "b")
	require.NoError(t, m[0].Do(func() error { return os.WriteFile("/run/here", []byte("a"), 0o600) }))
	run := func(m *Machine, program string, args ...string) (string, error) {
		cmd := exec.Command(program, args...)
		m.Enter(cmd)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run(m[0], "cat", "/run/here")
	require.NoError(t, err, out)
	require.Equal(t, "a", out)
	_, err = run(m[1], "cat", "/run/here")
	require.Error(t, err)
	require.NoFileExists(t, "/run/here")
	out, err = run(m[1], "cat", "/proc/self/net/fib_trie")
	require.NoError(t, err, out)
	require.Contains(t, out, "192.168.100.2")
	require.NotContains(t, out, "192.168.100.1\n")
	_, err = run(m[1], filepath.Join(t.TempDir(), "none"))
	require.Error(t, err)
}

// No connection is made if the answers are lost.
func TestTCP(t *testing.T) {
	n, m := New(t, 1, "a", "b")
	var l net.Listener
	require.NoError(t, m[1].Do(func() (err error) {
		l, err = net.Listen("tcp4", m[1].Host()+":1")
		return err
	}))
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	conn, err := m[0].Dial(l.Addr().String(), time.Minute)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	n.Set(m[1], m[0], Condition{Loss: 1})
	_, err = m[0].Dial(l.Addr().String(), 300*time.Millisecond)
	require.ErrorContains(t, err, "timeout")
}
