//go:build unix

package hostlocal_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/hostlocal"
	"github.com/leasehold/leasehold/internal/neighbour"
)

// An agent gives a host blocks of four addresses of 10.0.0.0/28, as leasehold-cluster does.
type agent struct {
	t      *testing.T
	dir    string
	socket string
	dirs   []string // of the program, if there is no socket

	mu      sync.Mutex
	blocks  int // how many are left
	granted byte
	refuse  string // an answer to give instead
	asked   []string
}

func newAgent(t *testing.T, blocks int) *agent {
	t.Helper()
	a := &agent{t: t, dir: t.TempDir(), socket: filepath.Join(t.TempDir(), "sock"), blocks: blocks}
	l, err := net.Listen("unix", a.socket)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() }) // The test is over.
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // The test is over.
			}
			line, err := bufio.NewReader(conn).ReadBytes('\n')
			answer := []byte("broken")
			if err == nil {
				answer = a.answer(line)
			}
			conn.Write(append(answer, '\n')) // A client that has gone is part of a test.
			conn.Close()
		}
	}()
	return a
}

func (a *agent) answer(line []byte) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	var r neighbour.Request
	if err := json.Unmarshal(line, &r); err != nil {
		return []byte(err.Error())
	}
	a.asked = append(a.asked, r.Command+" "+r.Args)
	if a.refuse != "" {
		return []byte(a.refuse)
	}
	err := a.store().Update(a.t.Context(), func(tx backend.Tx) error {
		shared, err := backend.AsShared(tx)
		if err != nil {
			return err
		}
		err = shared.SetMembership(backend.Membership{Cluster: "dc1", Space: "net", Host: "a", Attested: boot.Current().ID})
		if err != nil || r.Command == neighbour.Attest || a.blocks == 0 {
			return err
		}
		a.blocks--
		first := netip.AddrFrom4([4]byte{10, 0, 0, 4 * a.granted})
		a.granted++
		return shared.PutBlock(backend.Block{First: first, Last: first.Next().Next().Next(), State: backend.Open})
	})
	if err != nil {
		return []byte(err.Error())
	}
	return []byte("{}")
}

// program installs a file as the program.
func (a *agent) program(t *testing.T, text string, mode os.FileMode) {
	t.Helper()
	a.dirs = []string{t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(a.dirs[0], neighbour.Program), []byte(text), mode))
}

func (a *agent) store() *bolt.Store { return bolt.Open(filepath.Join(a.dir, "net")) }

func (a *agent) conf(more string) string {
	return fmt.Sprintf(`{"cniVersion": "1.1.0", "name": "net", "ipam": {"type": "host-local", "backend": "bolt", "cluster": "dc1",
		"dataDir": %q, "subnet": "10.0.0.0/28", "rangeStart": "10.0.0.0", "rangeEnd": "10.0.0.15", "gateway": "none" %s}}`, a.dir, more)
}

// run executes the plugin and returns its answer; the code is 0 after success.
func (a *agent) run(command, id, more string, env ...string) (failure, string) {
	a.t.Helper()
	vars := map[string]string{"CNI_COMMAND": command, "CNI_CONTAINERID": id}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		vars[name] = value
	}
	var out bytes.Buffer
	p := hostlocal.Plugin{
		Getenv: func(name string) string { return vars[name] },
		Stdin:  strings.NewReader(a.conf(more)), Stdout: &out, Stderr: io.Discard,
		Version:   func() string { return "test" },
		Neighbour: neighbour.Neighbour{Socket: a.socket, Dirs: a.dirs},
	}
	var f failure
	if p.Run() != 0 {
		require.NoError(a.t, json.Unmarshal(out.Bytes(), &f), out.String())
	}
	return f, out.String()
}

// refuseWith has the agent give an answer instead, or do what it is asked for again if that is empty.
func (a *agent) refuseWith(answer string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuse = answer
}

func (a *agent) asks() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	asked := a.asked
	a.asked = nil
	return asked
}

// The others are asked only if this host has no address that it may lease.
func TestSharedNetwork(t *testing.T) {
	a := newAgent(t, 2)
	for i := range 8 {
		f, out := a.run("ADD", fmt.Sprint("c", i), "")
		require.Zero(t, f, out)
		require.Contains(t, out, fmt.Sprintf("10.0.0.%d/28", i))
	}
	require.Equal(t, []string{"claim ", "claim "}, a.asks())

	a.refuseWith(`{"code": 100, "msg": "all blocks are held", "details": "wait"}`)
	f, _ := a.run("ADD", "c8", "")
	require.Equal(t, hostlocal.CodeExhausted, f.Code)
	require.Equal(t, "failed to allocate for range 0: no IP addresses available in range set: 10.0.0.0-10.0.0.15 "+
		"(8 held by this host, all leased, 0 excluded or gateway): all blocks are held", f.Msg)
	require.Equal(t, "wait", f.Details)

	a.asks()
	a.refuseWith("")
	for _, command := range []string{"CHECK", "DEL"} {
		f, out := a.run(command, "c3", `}, "prevResult": {"cniVersion": "1.1.0", "ips": [{"address": "10.0.0.3/28"}]`)
		require.Zero(t, f, out)
	}
	f, out := a.run("ADD", "c9", "")
	require.Zero(t, f, out)
	require.Contains(t, out, "10.0.0.3/28")
	require.Empty(t, a.asks())
}

func TestSharedNetworkRequestedAddress(t *testing.T) {
	a := newAgent(t, 1)
	f, out := a.run("ADD", "c", "", "CNI_ARGS=IP=10.0.0.2")
	require.Zero(t, f, out)
	require.Equal(t, []string{"claim IP=10.0.0.2"}, a.asks())
	a.refuseWith(`{"code": 101, "msg": "host b holds it", "details": "wait"}`)
	f, _ = a.run("ADD", "d", "", "CNI_ARGS=IP=10.0.0.9")
	require.Equal(t, hostlocal.CodeTaken, f.Code)
	require.Contains(t, f.Msg, "requested IP address 10.0.0.9 is not available in range set")
	require.Contains(t, f.Msg, "host b holds it")
	a.asks()
	f, _ = a.run("ADD", "d", "", "CNI_ARGS=IP=10.0.0.2")
	require.Equal(t, hostlocal.CodeTaken, f.Code)
	require.Empty(t, a.asks(), "its holder is on this host")
}

// A host that is stopped asks no other.
func TestSharedNetworkStopped(t *testing.T) {
	a := newAgent(t, 1)
	f, out := a.run("ADD", "c", "")
	require.Zero(t, f, out)
	a.asks()
	require.NoError(t, a.store().Update(t.Context(), func(tx backend.Tx) error {
		m, err := tx.Membership()
		if err != nil {
			return err
		}
		shared, err := backend.AsShared(tx)
		if err != nil {
			return err
		}
		m.Stopped = "it was evicted"
		return shared.SetMembership(m)
	}))
	for command, code := range map[string]uint{"ADD": hostlocal.CodeNotMember, "STATUS": 50} {
		f, _ := a.run(command, "d", "")
		require.Equal(t, code, f.Code)
		require.Contains(t, f.Msg, "it was evicted")
	}
	require.Empty(t, a.asks())
	f, out = a.run("DEL", "c", "")
	require.Zero(t, f, out)
}

func TestSharedNetworkStatus(t *testing.T) {
	const away = `{"code": 11, "msg": "etcd was not reached", "details": "wait"}`
	a := newAgent(t, 1)
	a.refuseWith(away)
	f, _ := a.run("STATUS", "", "")
	require.EqualValues(t, 50, f.Code, "not confirmed in this boot")
	require.Contains(t, f.Msg, "etcd was not reached")
	a.refuseWith("")
	f, out := a.run("STATUS", "", "")
	require.Zero(t, f, out)
	require.Equal(t, []string{"attest ", "attest "}, a.asks())

	a.refuseWith(away)
	f, out = a.run("STATUS", "", "")
	require.Zero(t, f, "a host with nothing in hand: %s", out)
	f, _ = a.run("STATUS", "", `, "exhaustedStatus": "error"`)
	require.EqualValues(t, 50, f.Code)
	a.refuseWith("")
	f, out = a.run("STATUS", "", `, "exhaustedStatus": "error"`)
	require.Zero(t, f, out)
	require.Equal(t, []string{"claim ", "claim "}, a.asks())
	f, out = a.run("STATUS", "", `, "exhaustedStatus": "error"`)
	require.Zero(t, f, out)
	require.Empty(t, a.asks())
}

func TestSharedNetworkWithoutProgram(t *testing.T) {
	a := newAgent(t, 1)
	a.socket = ""
	f, _ := a.run("ADD", "c", "")
	require.EqualValues(t, 5, f.Code)
	require.Contains(t, f.Msg, "leasehold-cluster is not installed")
	require.Contains(t, f.Details, "install it on each host")
}

// However the program ends, the code and the next step fit.
func TestSharedNetworkProgramDies(t *testing.T) {
	for commands, want := range map[string]failure{
		"kill -KILL $$":   {Code: hostlocal.CodeTryAgain, Msg: "leasehold-cluster was killed by signal 9 (killed)", Details: "OOM killer"},
		"kill -TERM $$":   {Code: hostlocal.CodeTryAgain, Msg: "leasehold-cluster was killed by signal 15 (terminated)", Details: "the next ADD finishes"},
		"exit 2":          {Code: 5, Msg: "leasehold-cluster claim: exit status 2", Details: "standard error"},
		"echo no; exit 2": {Code: 5, Msg: `leasehold-cluster has answered "no\n"`, Details: "of the version of the plugin"},
		`echo '{"code": 7, "msg": "denied", "details": "correct it"}'; exit 2`: {Code: hostlocal.CodeConfig, Msg: "denied", Details: "correct it"},
	} {
		a := newAgent(t, 1)
		a.socket = ""
		a.program(t, "#!/bin/sh\ncat >/dev/null\n"+commands+"\n", 0o700)
		f, _ := a.run("ADD", "c", "")
		require.Equal(t, want.Code, f.Code, commands)
		require.Contains(t, f.Msg, want.Msg)
		require.Contains(t, f.Details, want.Details)
	}
	a := newAgent(t, 1)
	a.socket = ""
	a.program(t, "\x7fELF is torn", 0o700)
	f, _ := a.run("ADD", "c", "")
	require.EqualValues(t, 5, f.Code)
	require.Contains(t, f.Msg, "exec format error")
	require.Contains(t, f.Details, "of the version and architecture of the plugin")
}

// Answers of other hosts do not keep an ADD for longer than the configuration allows.
func TestSharedNetworkTimeout(t *testing.T) {
	a := newAgent(t, 0) // It says that there are blocks, but gives none.
	f, _ := a.run("ADD", "c", `, "lockTimeout": "1s"`)
	require.Equal(t, hostlocal.CodeExhausted, f.Code)
	asks := len(a.asks())
	require.Greater(t, asks, 1)
	require.Less(t, asks, 10, "it waits longer each time")
}
