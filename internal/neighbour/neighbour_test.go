//go:build unix

package neighbour_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/neighbour"
)

// install writes a program of shell commands, and returns its directory.
func install(t *testing.T, commands string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "leasehold-cluster"), []byte("#!/bin/sh\n"+commands+"\n"), 0o700))
	return dir
}

// listen answers each connection with a text, and returns the socket and what was asked for.
func listen(t *testing.T, answer string) (socket string, asked chan string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "sock")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() }) // The test is over.
	asked = make(chan string, 9)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // The test is over.
			}
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err == nil {
				asked <- line
			}
			conn.Write([]byte(answer)) // A client that has gone is part of the test.
			conn.Close()
		}
	}()
	return socket, asked
}

func request() neighbour.Request {
	return neighbour.Request{Command: neighbour.Claim, Network: "net", Args: "IP=10.0.0.1", Config: json.RawMessage(`{"name": "net"}`)}
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestExecute(t *testing.T) {
	dir := install(t, `cat >"$OUT"; echo " $* $CNI_ARGS" >>"$OUT"; echo nothing of importance`)
	out := filepath.Join(t.TempDir(), "out")
	n := neighbour.Neighbour{
		Dirs:    []string{filepath.Join(dir, "no-such-directory"), t.TempDir(), dir},
		Environ: func() []string { return []string{"PATH=" + os.Getenv("PATH"), "OUT=" + out, "CNI_ARGS=IP=10.0.0.1"} },
	}
	require.NoError(t, n.Ask(soon(t), request()))
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, `{"name": "net"} claim --cni net IP=10.0.0.1`+"\n", string(text))
}

func TestExecuteFails(t *testing.T) {
	ask := func(commands string) error {
		return neighbour.Neighbour{Dirs: []string{install(t, commands)}}.Ask(soon(t), request())
	}
	require.Equal(t, &neighbour.Answer{Code: 11, Msg: "away", Details: "wait"},
		ask(`cat >/dev/null; echo '{"code": 11, "msg": "away", "details": "wait"}'; exit 2`))
	require.ErrorContains(t, ask(`exit 3`), "exit status 3")
	require.ErrorAs(t, ask(`exit 3`), new(*neighbour.SilentError))
	for _, said := range []string{"", `echo '{"code": 11'; `} {
		killed := (*neighbour.KilledError)(nil)
		require.ErrorAs(t, ask(said+`kill -KILL $$`), &killed)
		require.Equal(t, syscall.SIGKILL, killed.Signal)
		require.ErrorContains(t, killed, "leasehold-cluster was killed by signal 9 (killed)")
	}
	require.ErrorContains(t, ask(`echo oops; exit 2`), `has answered "oops\n"`)
	require.ErrorIs(t, neighbour.Neighbour{}.Ask(soon(t), request()), neighbour.ErrNotInstalled)
	err := neighbour.Neighbour{Dirs: []string{"/no/such/a", "/no/such/b"}}.Ask(soon(t), request())
	require.ErrorContains(t, err, "is not installed; it was looked for in /no/such/a, /no/such/b")

	large := request()
	large.Config = json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)
	require.ErrorContains(t, neighbour.Neighbour{Dirs: []string{install(t, "exit 3")}}.Ask(soon(t), large), "exit status 3")
}

// A program that takes too long is killed.
func TestExecuteTakesTooLong(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := neighbour.Neighbour{Dirs: []string{install(t, "exec sleep 100")}}.Ask(ctx, request())
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Less(t, time.Since(began), 30*time.Second)
}

func TestAgent(t *testing.T) {
	socket, asked := listen(t, "{}\n")
	n := neighbour.Neighbour{Socket: socket, Dirs: []string{install(t, "exit 3")}}
	require.NoError(t, n.Ask(soon(t), request()))
	require.JSONEq(t, `{"command": "claim", "network": "net", "args": "IP=10.0.0.1", "config": {"name": "net"}}`, <-asked)

	socket, _ = listen(t, `{"code": 100, "msg": "full", "details": "wait"}`+"\n")
	n.Socket = socket
	require.Equal(t, &neighbour.Answer{Code: 100, Msg: "full", Details: "wait"}, n.Ask(soon(t), request()))
	socket, _ = listen(t, "what?\n")
	n.Socket = socket
	require.ErrorContains(t, n.Ask(soon(t), request()), `has answered "what?\n"`)
}

// Without an agent that answers, the program is executed.
func TestNoAgent(t *testing.T) {
	silent, _ := listen(t, "")
	stale := filepath.Join(t.TempDir(), "stale")
	l, err := net.Listen("unix", stale)
	require.NoError(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	for _, socket := range []string{"", "/no/such/socket", stale, silent} {
		done := filepath.Join(t.TempDir(), "done")
		n := neighbour.Neighbour{Socket: socket, Dirs: []string{install(t, "touch "+done)}}
		require.NoError(t, n.Ask(soon(t), request()), socket)
		require.FileExists(t, done)
	}
}

// An agent that takes too long may still do it; nothing else is tried meanwhile.
func TestAgentTakesTooLong(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "sock")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() }) // The test is over.
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	n := neighbour.Neighbour{Socket: socket, Dirs: []string{install(t, "exit 3")}}
	require.ErrorIs(t, n.Ask(ctx, request()), os.ErrDeadlineExceeded)
}

func TestNew(t *testing.T) {
	n := neighbour.New(func(key string) string { return map[string]string{"CNI_PATH": "/a:/b"}[key] }, nil)
	require.Equal(t, neighbour.DefaultSocket, n.Socket)
	require.Equal(t, []string{"/a", "/b", neighbour.DefaultDir}, n.Dirs)
}
