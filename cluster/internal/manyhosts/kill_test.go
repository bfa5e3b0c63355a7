package manyhosts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	hosting "github.com/leasehold/leasehold/cluster/internal/host"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
	"github.com/leasehold/leasehold/internal/neighbour"
)

// A victim is a command of host 0 that is killed.
type victim struct {
	name    string
	adopts  bool           // the space is made for hosts with leases
	prepare func(w *world) // what comes before it
	run     func(a *host, h ptracer.Hooks) error

	// again repeats the command, with whatever an operator or a runtime does after a failure.
	again func(w *world)
}

// ofOperator is a command of leasehold-cluster. Repeated, it succeeds, or says that it was done.
func ofOperator(done string, args ...string) (run func(*host, ptracer.Hooks) error, again func(*world)) {
	return func(a *host, h ptracer.Hooks) error {
			return traced(a.cluster(args...), h)
		}, func(w *world) {
			w.t.Helper()
			_, stderr, status := w.hosts[0].says(args...)
			if status != 0 && (done == "" || !strings.Contains(stderr, done)) {
				w.t.Fatalf("%v again: exit status %d: %s", args, status, stderr)
			}
		}
}

// traced runs a command under the tracer.
func traced(cmd *exec.Cmd, h ptracer.Hooks) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_, err := ptracer.Run(cmd, h)
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out.Bytes())
	}
	return err
}

// ofRuntime is an ADD or a DEL of the container target. The runtime deletes it after a failure, and starts
// it again.
func ofRuntime(command string) (run func(*host, ptracer.Hooks) error, again func(*world)) {
	return func(a *host, h ptracer.Hooks) error {
			began := a.history.begin()
			cmd := a.command("host-local", nil, "CNI_COMMAND="+command, "CNI_CONTAINERID=target", "CNI_IFNAME=eth0")
			err := traced(cmd, h)
			a.found(began, "target")
			return err
		}, func(w *world) {
			w.t.Helper()
			a := w.hosts[0]
			a.deletes("target")
			_, err := a.add("target")
			require.NoError(w.t, err)
			a.deletes("target")
		}
}

// deletes ends a container that may have an address.
func (h *host) deletes(id string) {
	h.t.Helper()
	began := h.history.begin()
	_, err := h.plugin("DEL", id)
	require.NoError(h.t, err)
	h.found(began, id)
}

// starts starts a container with an address.
func (h *host) starts(id, addr string) {
	h.t.Helper()
	_, err := h.add(id, "CNI_ARGS=IP="+addr)
	require.NoError(h.t, err)
}

// keeps has host 0 hold blocks in which nothing is leased, and one in which something is.
func keeps(w *world) {
	a := w.hosts[0]
	a.starts("stays", "10.0.0.9")
	for _, addr := range []string{"10.0.0.21", "10.0.0.25", "10.0.0.29"} {
		a.starts("goes", addr)
		a.deletes("goes")
	}
}

// evicted has host 0 evicted, and know it, with a lease or without.
func evicted(lease bool) func(*world) {
	return func(w *world) {
		a, b := w.hosts[0], w.hosts[1]
		a.starts("stays", "10.0.0.9")
		if !lease {
			a.deletes("stays")
		}
		_, stderr, status := b.says("evict", "net", a.name, "--fenced")
		require.Zero(w.t, status, stderr)
		a.reboot()
		a.fails("it was evicted from the space", "attest", "net")
	}
}

// halted has the space halted; then the steps of a recovery are done that come before.
func halted(steps ...[]string) func(*world) {
	return func(w *world) {
		a, b := w.hosts[0], w.hosts[1]
		a.starts("stays", "10.0.0.9")
		b.starts("stays", "10.0.0.33")
		value, err := json.Marshal(cluster.HaltRecord{V: cluster.Version, By: b.name, Text: "a test"})
		require.NoError(w.t, err)
		w.keys.put(w.t, w.prefix+"/1/net/halt", string(value))
		for _, s := range steps {
			for _, h := range w.hosts {
				if s[0] == "attest" || h == a {
					_, stderr, status := h.says(s...)
					require.Zero(w.t, status, stderr)
				}
			}
		}
	}
}

// recovers ends a recovery, from wherever it is.
func recovers(w *world) {
	a, b := w.hosts[0], w.hosts[1]
	if _, stderr, status := a.says("recover", "net"); strings.Contains(stderr, "is not halted") {
		return
	} else if status != 0 {
		w.t.Fatalf("recover: %s", stderr)
	}
	for _, h := range []*host{a, b} {
		_, stderr, status := h.says("attest", "net")
		require.Zero(w.t, status, stderr)
	}
	a.does("space net is recovered\n", "recover", "net", "--done")
}

func victims() []victim {
	nothing := func(*world) {}
	member := func(w *world) { w.hosts[0].does("", "attest", "net") }
	withBlock := func(w *world) { w.hosts[0].starts("stays", "10.0.0.9") }
	var all []victim
	add := func(name string, prepare func(*world), run func(*host, ptracer.Hooks) error, again ...func(*world)) *victim {
		all = append(all, victim{name: name, prepare: prepare, run: run, again: func(w *world) {
			for _, fn := range again {
				fn(w)
			}
		}})
		return &all[len(all)-1]
	}
	run, again := ofRuntime("ADD")
	add("ADD from a block", withBlock, run, again)
	add("ADD that claims", member, run, again)
	add("ADD of a host that joins", nothing, run, again)
	run, again = ofRuntime("DEL")
	add("DEL", func(w *world) { w.hosts[0].starts("target", "10.0.0.9") }, run, again)
	run, again = ofOperator("", "claim", "net")
	add("claim", member, run, again)
	run, again = ofOperator("", "attest", "net")
	add("attest", func(w *world) { withBlock(w); w.hosts[0].reboot() }, run, again)
	run, again = ofOperator("", "give-back", "net")
	add("give-back", keeps, run, again)
	run, again = ofOperator("there is a space of this name already", "init", "net", "--block-size", fmt.Sprint(blockSize))
	add("init", nil, run, again)
	run, again = ofOperator("", "evict", "net", "host1", "--fenced")
	add("evict", func(w *world) { member(w); w.hosts[1].starts("goes", "10.0.0.33"); w.hosts[1].deletes("goes") }, run, again, func(w *world) {
		b := w.hosts[1]
		b.fails("it was evicted from the space", "attest", "net")
		b.does("", "rejoin", "net", "--drop")
	})
	run, again = ofOperator("is not stopped", "rejoin", "net")
	add("rejoin", evicted(true), run, again)
	run, again = ofOperator("this host is not a member", "rejoin", "net", "--drop")
	add("rejoin --drop", evicted(false), run, again)
	run, again = ofOperator("", "adopt", "net")
	add("adopt", func(w *world) { w.hosts[0].lease("stays", "10.0.0.9") }, run, again, func(w *world) {
		w.hosts[0].does("space net is recovered\n", "recover", "net", "--done")
	}).adopts = true
	run, again = ofOperator("", "recover", "net")
	add("recover", halted(), run, again, recovers)
	run, again = ofOperator("", "attest", "net")
	add("report", halted([]string{"recover", "net"}), run, again, recovers)
	run, again = ofOperator("is not halted", "recover", "net", "--done")
	add("recover --done", halted([]string{"recover", "net"}, []string{"attest", "net"}), run, again, recovers)
	reserve := func(a *host) *exec.Cmd {
		file := filepath.Join(a.settings, "addresses")
		require.NoError(a.t, os.WriteFile(file, []byte("10.0.0.41\n10.0.0.45\n"), 0o600))
		return a.cluster("reserve", "net", file, "--from", "addresses")
	}
	add("reserve", member, func(a *host, h ptracer.Hooks) error { return traced(reserve(a), h) }, func(w *world) {
		out, err := reserve(w.hosts[0]).CombinedOutput()
		require.NoError(w.t, err, "%s", out)
		require.Regexp(w.t, "^2 blocks are held, 0 were freed", string(out))
	})
	add("agent", keeps, (*host).runAgent)
	return all
}

// runAgent runs an agent under the tracer, which looks at the network once, gives blocks back, and
// answers one request.
func (h *host) runAgent(hooks ptracer.Hooks) error {
	confs := filepath.Join(h.settings, "net.d")
	require.NoError(h.t, os.MkdirAll(confs, 0o700))
	require.NoError(h.t, os.WriteFile(filepath.Join(confs, "net.conf"), []byte(h.conf()), 0o600))
	socket := filepath.Join(h.settings, "sock")
	cmd := h.cluster("agent", "--socket", socket, "--conf-dir", confs, "--every", "1h", "--urgent", "1h")
	ctx, cancel := context.WithCancel(h.t.Context())
	defer cancel()
	started, enter, first := make(chan int, 1), hooks.Enter, true
	hooks.Enter = func(c *ptracer.Call) ptracer.Action {
		if first {
			first = false
			started <- c.PID
		}
		return enter(c)
	}
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		pid := <-started
		r := neighbour.Request{Command: neighbour.Claim, Network: "net", Args: "IP=10.0.0.61", Config: json.RawMessage(h.conf())}
		for ctx.Err() == nil {
			// Until it listens, or is killed, or has done everything else.
			if err := (neighbour.Neighbour{Socket: socket}).Ask(ctx, r); errors.Is(err, neighbour.ErrNotInstalled) {
				time.Sleep(10 * time.Millisecond)
				continue
			}
			if ctx.Err() == nil {
				_ = syscall.Kill(pid, syscall.SIGTERM) // It may have been killed meanwhile.
			}
			return
		}
	}()
	err := traced(cmd, hooks)
	cancel()
	<-asked
	return err
}

// spaces counts the prefixes of spaces that were used.
var spaces atomic.Int64

// at has the hosts of the world have their files in dir, and a space of their own.
func (w *world) at(dir string) {
	w.t.Helper()
	w.prefix = fmt.Sprintf("/space%d", spaces.Add(1))
	for _, h := range w.hosts {
		h.data, h.settings = filepath.Join(dir, h.name, "data"), filepath.Join(dir, h.name, "settings")
		require.NoError(w.t, errors.Join(os.MkdirAll(h.data, 0o755), os.MkdirAll(h.settings, 0o700)))
		h.configure(fmt.Sprintf(`"endpoints": [%q], "prefix": %q, "timeout": "20s"`, w.server.Endpoint, w.prefix))
	}
}

// prepared makes two hosts and does what comes before the command.
func (v victim) prepared(t *testing.T, s *etcdtest.Server, keys keyspace) *world {
	t.Helper()
	w := newHosts(t, 2)
	w.server, w.keys = s, keys
	w.at(faulttest.Dir(t))
	if v.prepare == nil {
		return w
	}
	args := []string{"init", "net", "--block-size", fmt.Sprint(blockSize)}
	if v.adopts {
		args = append(args, "--adopt")
	}
	_, stderr, status := w.hosts[1].says(args...)
	require.Zero(t, status, stderr)
	v.prepare(w)
	return w
}

// copy returns a copy of the world, with files in dir and a space of its own.
func (w *world) copy(dir string) *world {
	w.t.Helper()
	c := &world{t: w.t, server: w.server, keys: w.keys, used: maps.Clone(w.used)}
	c.history.now, c.history.operations = w.history.now, slices.Clone(w.history.operations)
	for _, h := range w.hosts {
		c.hosts = append(c.hosts, &host{world: c, name: h.name})
	}
	c.at(dir)
	for i, h := range w.hosts {
		require.NoError(w.t, os.CopyFS(c.hosts[i].data, os.DirFS(h.data)))
	}
	w.keys.copy(w.t, w.prefix, c.prefix)
	return c
}

// agrees requires that the servers and the stores agree, that no host waits for an operator, and that
// host 0 can start and end a container.
func (w *world) agrees() {
	w.t.Helper()
	for _, h := range w.hosts {
		one, err := hosting.Open([]byte(h.conf()), "", h.settings)
		require.NoError(w.t, err)
		if err := one.Attest(w.t.Context()); !errors.Is(err, cluster.ErrNoSpace) {
			require.NoError(w.t, err)
		}
		differ, err := one.Differences(w.t.Context())
		require.NoError(w.t, err)
		require.Empty(w.t, differ, h.name)
		require.NoError(w.t, one.Operate(w.t.Context(), 0, func(ctx context.Context, o hosting.Operator) error {
			wrong, err := o.Verify(ctx, o.Space)
			require.Empty(w.t, wrong)
			return err
		}))
		require.NoError(w.t, one.Close())
	}
	a := w.hosts[0]
	addr, err := a.add("afterwards")
	require.NoError(w.t, err)
	require.NoError(w.t, a.del("afterwards", addr))
	w.nothingTwice()
	w.list()
}

// isVisible reports whether others can tell that a process has made a call: it changes a file, or
// sends something. A kill between two such calls has the effect of a kill at the second. Goroutines wake
// each other through anonymous files.
func isVisible(c *ptracer.Call) bool {
	if strings.HasPrefix(c.Path, "anon_inode:") || strings.HasPrefix(c.Path, "/proc/") || strings.HasPrefix(c.Path, "/sys/") {
		return false
	}
	switch c.Name {
	case "write", "pwrite64", "writev", "pwritev", "ftruncate", "truncate", "fallocate", "fchmod",
		"rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir", "mkdirat":
		return true
	case "open", "openat":
		_, err := os.Lstat(c.Path)
		return c.Flags&syscall.O_TRUNC != 0 || c.Flags&syscall.O_CREAT != 0 && err != nil
	}
	return false
}

// isNoted also matches calls that only the process sees, while others act: it reads an answer, waits for
// a lock, or syncs.
func isNoted(c *ptracer.Call) bool {
	switch c.Name {
	case "flock", "fdatasync", "fsync":
		return true
	case "read":
		return strings.HasPrefix(c.Path, "socket:") || strings.HasPrefix(c.Path, "pipe:")
	}
	return isVisible(c)
}

// killEach kills the command at each step-th call that matches, and returns how often.
func (v victim) killEach(t *testing.T, s *etcdtest.Server, keys keyspace, match func(*ptracer.Call) bool, first, step int) (kills int) {
	template, dir := v.prepared(t, s, keys), faulttest.Dir(t)
	for n := first; ; n += step {
		w := template.copy(filepath.Join(dir, fmt.Sprint(n)))
		var at *ptracer.Call
		seen := 0
		err := v.run(w.hosts[0], ptracer.Hooks{Sockets: true, Enter: func(c *ptracer.Call) ptracer.Action {
			if !match(c) {
				return ptracer.Action{}
			}
			if seen++; seen == n {
				at = c
				return ptracer.Action{Kill: true}
			}
			return ptracer.Action{}
		}})
		if at == nil {
			require.NoError(t, err)
		} else {
			kills++
		}
		ended := false
		t.Cleanup(func() {
			if t.Failed() && !ended {
				t.Logf("killed at the call %d that matches: %+v", n, at)
			}
		})
		v.again(w)
		w.agrees()
		ended = true
		require.NoError(t, os.RemoveAll(filepath.Join(dir, fmt.Sprint(n))))
		if at == nil {
			return kills
		}
	}
}

// Each command is killed at each of its calls that others can see; the processes that it has started, or
// that have started it, go on. After that, what an operator or a runtime does anyway succeeds, no address
// is on two hosts, and no block is held that its host does not know. A quick run kills at some of the calls.
func TestKilled(t *testing.T) {
	if !ptracer.Supported {
		t.Skip("the tracer needs Linux on amd64")
	}
	s := etcdtest.Start(t)
	keys := newKeyspace(t, s)
	var kills atomic.Int64
	t.Run("victims", func(t *testing.T) {
		for i, v := range victims() {
			t.Run(v.name, func(t *testing.T) {
				t.Parallel()
				var n int
				if faulttest.Exhaustive() {
					n = v.killEach(t, s, keys, isNoted, 1, 1)
				} else {
					const step = 20
					n = v.killEach(t, s, keys, isVisible, 1+i*7%step, step)
				}
				kills.Add(int64(n))
				t.Logf("%d kills", n)
			})
		}
	})
	t.Logf("%d kills in all", kills.Load())
	require.NotZero(t, kills.Load())
}
