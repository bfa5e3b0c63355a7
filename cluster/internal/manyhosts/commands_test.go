package manyhosts

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/internal/hostlocal"
)

// says runs leasehold-cluster and returns what it prints, and its exit status.
func (h *host) says(args ...string) (stdout, stderr string, status int) {
	h.t.Helper()
	out, err := h.cluster(args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return string(out), string(exit.Stderr), exit.ExitCode()
	}
	require.NoError(h.t, err)
	return string(out), "", 0
}

// does runs leasehold-cluster, which has to succeed and print out.
func (h *host) does(out string, args ...string) {
	h.t.Helper()
	stdout, stderr, status := h.says(args...)
	require.Zero(h.t, status, "%v: %s", args, stderr)
	require.Equal(h.t, out, stdout, args)
}

// fails runs leasehold-cluster, which has to fail and say why.
func (h *host) fails(why string, args ...string) {
	h.t.Helper()
	_, stderr, status := h.says(args...)
	require.Equal(h.t, 2, status, args)
	require.Contains(h.t, stderr, why, args)
}

// lease leases an address as a host does that shares nothing.
func (h *host) lease(id, addr string) {
	h.t.Helper()
	a, began := netip.MustParseAddr(addr), h.history.begin()
	require.NoError(h.t, bolt.Open(filepath.Join(h.data, "net")).Update(h.t.Context(), func(tx backend.Tx) error {
		return tx.Put(backend.Lease{Addr: a, Owner: backend.Owner{ContainerID: id, IfName: "eth0"}})
	}))
	h.used[a] = id + " of " + h.name
	h.history.end(began, operation{leased, holder{h.name, id}, a, held{}})
}

// Hosts that had slices of a range keep the leases that they have.
func TestAdopt(t *testing.T) {
	w := newHosts(t, 3, etcdtest.Start(t))
	a, b, c := w.hosts[0], w.hosts[1], w.hosts[2]
	a.lease("old", "10.0.0.9")
	b.lease("old", "10.0.0.33")
	c.lease("twice", "10.0.0.10") // in the block of a's lease
	const made = "space net: 10.0.0.1-10.0.0.62; blocks of 4 IPv4\n"
	a.fails("the store has leases already: 10.0.0.9", "init", "net", "--block-size", "4")
	a.does(made, "init", "net", "--block-size", "4", "--adopt")

	_, err := a.add("new")
	require.Equal(t, hostlocal.CodeNotMember, code(t, err))
	require.ErrorContains(t, err, "the store has leases already")
	a.does("", "adopt", "net")
	_, err = a.add("new")
	require.Equal(t, hostlocal.CodeTryAgain, code(t, err), "another host may have leases in the same blocks")
	b.does("", "adopt", "net")
	c.fails("another host holds addresses that are leased here", "adopt", "net")
	a.fails("host2 (block 10.0.0.8-10.0.0.11 is held by host host0, and there are leases in it)", "recover", "net", "--done")
	out, _, _ := a.says("recover", "net", "--dry-run")
	require.Equal(t, "host2 has leases that it cannot keep: block 10.0.0.8-10.0.0.11 is held by host host0, and there are leases in it: "+
		"release them when their containers are gone, and run attest there again\n", out)
	delete(w.used, netip.MustParseAddr("10.0.0.10")) // Its container is deleted.
	_, err = c.plugin("DEL", "twice")
	require.NoError(t, err)
	c.does("", "adopt", "net")
	a.does("space net is recovered\n", "recover", "net", "--done")

	for _, h := range w.hosts {
		for _, id := range []string{"new1", "new2", "new3", "new4"} {
			_, err := h.add(id)
			require.NoError(t, err)
		}
	}
	require.Len(t, w.used, 2+3*4)
	w.nothingTwice()
	for _, h := range w.hosts {
		h.does("", "verify", "net")
		h.does("", "verify", "net", "--local")
	}
}

// The views are JSON, too, with stable keys.
func TestJSON(t *testing.T) {
	w := newWorld(t, 2, etcdtest.Start(t))
	a, b := w.hosts[0], w.hosts[1]
	_, err := a.add("c", "CNI_ARGS=IP=10.0.0.9")
	require.NoError(t, err)
	_, err = b.add("c", "CNI_ARGS=IP=10.0.0.33")
	require.NoError(t, err)
	view := func(args ...string) (v any) {
		t.Helper()
		out, stderr, status := b.says(append(args, "-o", "json")...)
		require.Zero(t, status, stderr)
		require.NoError(t, json.Unmarshal([]byte(out), &v))
		return v
	}
	type object = map[string]any
	space := object{
		"space": "net", "ranges": []any{"10.0.0.1-10.0.0.62"}, "block4": 4.0, "block6": 0.0,
		"hosts": 2.0, "blocks": 2.0, "addresses": 62.0, "held": 8.0, "halted": "",
	}
	require.Equal(t, []any{space}, view("spaces", "dc1"))
	require.Equal(t, space, view("usage", "net"))
	blockOfA := object{"first": "10.0.0.8", "last": "10.0.0.11", "host": "host0"}
	require.Equal(t, []any{blockOfA, object{"first": "10.0.0.32", "last": "10.0.0.35", "host": "host1"}}, view("blocks", "net"))
	require.Equal(t, blockOfA, view("who", "net", "10.0.0.10"))
	hosts := view("hosts", "net").([]any)
	require.Len(t, hosts, 2)
	first := hosts[0].(object)
	require.Equal(t, []any{"host0", "member", 1.0, "10.0.0.1-10.0.0.62", []any{}},
		[]any{first["host"], first["state"], first["blocks"], first["ranges"], first["disputes"]})
	require.Equal(t, []any{}, view("give-back", "net"))
	require.Equal(t, []any{}, view("verify", "net"))

	out, _, status := b.says("who", "net", "10.0.0.50")
	require.Equal(t, 1, status)
	require.Equal(t, "no host holds it\n", out)
}

// What cannot be done says what to do.
func TestMistakes(t *testing.T) {
	w := newWorld(t, 2, etcdtest.Start(t))
	a, b := w.hosts[0], w.hosts[1]
	a.does("", "attest", "net")
	a.fails("there is a space of this name already: net", "init", "net")
	a.fails("the configuration on standard input is of network net, not of other", "hosts", "other")
	a.fails("there is no such file; write one", "spaces", "dc2")
	a.fails("space net has no host nobody; its hosts are: host0", "evict", "net", "nobody", "--fenced")
	a.fails("power it off (suspended, it comes back with them), or there stop its agent, end its containers, start no others and give its blocks back; then add --fenced", "evict", "net", "host0")
	a.fails("the space is not halted: net", "recover", "net")
	a.fails("is not stopped", "rejoin", "net")
	a.fails("is not stopped", "rejoin", "net", "--drop")
	a.fails("is not an address", "who", "net", "here")
	b.fails("this host is not a member of the space", "give-back", "net")
}

// A host that was evicted comes back as another one.
func TestDrop(t *testing.T) {
	w := newWorld(t, 2, etcdtest.Start(t))
	a, b := w.hosts[0], w.hosts[1]
	addr, err := a.add("c", "CNI_ARGS=IP=10.0.0.9")
	require.NoError(t, err)
	b.says("evict", "net", "host0", "--fenced")
	_, err = b.add("c", "CNI_ARGS=IP=10.0.0.10")
	require.NoError(t, err)
	a.fails("it was evicted from the space", "attest", "net")
	a.fails("another host holds addresses that are leased here", "rejoin", "net")
	a.fails("release it when its container is gone", "rejoin", "net", "--drop")
	require.NoError(t, a.del("c", addr))
	a.does("", "rejoin", "net", "--drop")
	_, err = a.add("d")
	require.NoError(t, err)
	w.nothingTwice()
	b.does("", "verify", "net")
}

// A store that was put back keeps the addresses of its containers.
func TestRejoinAfterAnImport(t *testing.T) {
	w := newWorld(t, 2, etcdtest.Start(t))
	a, b := w.hosts[0], w.hosts[1]
	addr, err := a.add("c", "CNI_ARGS=IP=10.0.0.9")
	require.NoError(t, err)
	store := filepath.Join(a.data, "net")
	older, err := os.ReadFile(store)
	require.NoError(t, err)
	later, err := a.add("later", "CNI_ARGS=IP=10.0.0.33")
	require.NoError(t, err)
	require.NoError(t, a.del("later", later))
	require.NoError(t, os.WriteFile(store, older, 0o600))
	a.fails("this store is an old copy", "attest", "net")
	a.fails("run: leasehold cluster rejoin --replace net", "rejoin", "net")
	require.NoError(t, os.WriteFile(filepath.Join(a.data, "later"), older, 0o600))
	a.fails("network later of this host is in space net already", "rejoin", "net", "--replace")
	require.NoError(t, os.Remove(filepath.Join(a.data, "later")))
	a.does("", "rejoin", "net", "--replace")
	_, err = b.add("d", "CNI_ARGS=IP="+addr.String())
	require.ErrorContains(t, err, "host host0 holds the block that it is in")
	_, err = a.add("e")
	require.NoError(t, err)
	w.nothingTwice()
	a.does("", "verify", "net")
	a.does("", "verify", "net", "--local")
}

// Addresses of other software are held until they are gone.
func TestReserve(t *testing.T) {
	w := newWorld(t, 1, etcdtest.Start(t))
	a := w.hosts[0]
	_, err := a.add("c", "CNI_ARGS=IP=10.0.0.9")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "file")
	write := func(text string) {
		t.Helper()
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	write("# by hand\n10.0.0.33\n::ffff:10.0.0.34\n10.9.9.9\n\n10.0.0.10\n")
	out, _, status := a.says("reserve", "net", file, "--from", "addresses")
	require.Equal(t, 1, status)
	require.Equal(t, "1 blocks are held, 0 were freed; 1 addresses are not in the space\n"+
		"10.0.0.10 is not reserved: host host0 holds its block, and may lease it too\n", out)
	_, err = a.add("d", "CNI_ARGS=IP=10.0.0.35")
	require.ErrorContains(t, err, "host addresses holds the block that it is in")

	write(`{"kind": "IPPool", "metadata": {"name": "10.0.0.0-26"}, "spec": {"range": "10.0.0.0/26", "allocations": {"41": {"podref": "a/b", "ifname": "net1"}}}}`)
	a.does("1 blocks are held, 0 were freed; 0 addresses are not in the space\n", "reserve", "net", file)
	out, _, _ = a.says("hosts", "net", "-o", "json")
	require.Contains(t, out, `"foreign"`)
	a.does("{\n  \"blocks\": 0,\n  \"freed\": 1,\n  \"taken\": [],\n  \"outside\": []\n}\n", "reserve", "net", "/dev/null", "--empty", "-o", "json")
	write("10.0.0.33\n")
	a.does("1 blocks are held, 0 were freed; 0 addresses are not in the space\n", "reserve", "net", file, "--from", "addresses")
	write("\n# nothing\n")
	a.fails(file+" has no addresses: if no container has any, free all blocks that are held for addresses with --empty", "reserve", "net", file, "--from", "addresses")
	a.fails("/dev/null has no addresses", "reserve", "net", "/dev/null")
	a.does("0 blocks are held, 1 were freed; 0 addresses are not in the space\n", "reserve", "net", file, "--from", "addresses", "--empty")

	// An address that cannot be told may be in any block.
	write("10.0.0.33\n")
	a.does("1 blocks are held, 0 were freed; 0 addresses are not in the space\n", "reserve", "net", file, "--from", "addresses", "--as", "other")
	write(`{"kind": "IPPool", "metadata": {"name": "fd00---48"}, "spec": {"range": "fd00::/48", "allocations": {"41": {"podref": "a/b", "ifname": "net1"}}}}`)
	a.fails("no block was freed, because the addresses of 1 pods cannot be told", "reserve", "net", file, "--as", "other")
	_, err = a.add("e", "CNI_ARGS=IP=10.0.0.33")
	require.ErrorContains(t, err, "host other holds the block that it is in")
	a.does("", "verify", "net")

	write("here\n")
	a.fails(file+": line 1: ParseAddr", "reserve", "net", file, "--from", "addresses")
	a.fails("use whereabouts or addresses", "reserve", "net", file, "--from", "elsewhere")
	write(`{"kind": "Pod", "metadata": {"name": "x"}}`)
	a.fails("object x is a \"Pod\"", "reserve", "net", file)
}

// A host has reported in the recovery that is under way, unless the servers were restored since.
func TestHostsThatHaveReported(t *testing.T) {
	s := etcdtest.Start(t)
	w := newWorld(t, 2, s)
	for _, h := range w.hosts {
		h.does("", "attest", "net")
	}
	states := func() string {
		t.Helper()
		out, stderr, status := w.hosts[0].says("hosts", "net")
		require.Zero(t, status, stderr)
		return strings.Join(regexp.MustCompile(`(?m)^host\d +\w+`).FindAllString(out, -1), ", ")
	}
	snapshot := s.Snapshot()
	w.hosts[1].says("claim", "net")
	s.Restore(snapshot)
	w.hosts[1].fails("the servers were restored from a backup", "attest", "net")
	recovers := func() {
		t.Helper()
		w.hosts[0].says("recover", "net") // It names the hosts that have not reported.
		w.hosts[0].says("attest", "net")
	}
	recovers()
	require.Equal(t, "host0  reported, host1  member", states())
	snapshot = s.Snapshot()
	s.Restore(snapshot)
	require.Equal(t, "host0  member, host1  member", states())
	recovers()
	require.Equal(t, "host0  reported, host1  member", states())
}
