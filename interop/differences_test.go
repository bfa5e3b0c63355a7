package interop

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// A difference is a row of the table in DESIGN.md, "Where it differs from the stock plugin".
type difference struct {
	name string

	// shows returns the subject's behaviour, in the words of the table.
	shows func(t *testing.T, s subject) string

	// layout marks a row about the stock plugin's files, which does not apply to bolt.
	layout bool
}

func differences() []difference {
	return append([]difference{
		{name: "an ADD fails for the second range set", shows: afterFailedADD},
		{name: "an ADD is killed", shows: afterKilledADD},
		{name: "an empty lease file", shows: emptyFile, layout: true},
		{name: "an attachment asks for a second address of a range set by name", shows: secondAddress},
		{name: "DEL with ranges that are missing", shows: delWith(`"type": "host-local"`)},
		{name: "DEL with ranges that are wrong", shows: delWith(`"subnet": "10.1.2.7/24"`)},
		{name: "CHECK of an address that the container does not hold", shows: checkOfAnother},
		{name: "STATUS without ranges", shows: statusOf(`"type": "host-local"`)},
		{name: "a `gateway` outside its subnet", shows: serves(`"subnet": "10.1.2.0/24", "gateway": "10.9.9.9"`)},
		{name: "a `rangeStart` behind the end that the range has by default", shows: serves(`"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.255"`)},
		{name: "a `rangeStart` behind `rangeEnd`", shows: serves(`"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.20", "rangeEnd": "10.1.2.9"`)},
		{name: "a /31, /32, /127 or /128", shows: alike(serves(`"subnet": "10.1.2.0/31"`), serves(`"subnet": "10.1.2.7/32"`), serves(`"subnet": "fd00::6/127"`), serves(`"subnet": "fd00::7/128"`))},
		{name: "`K8S_POD_NAMESPACE` and the like without `IgnoreUnknown`", shows: servesPod},
		{name: "`CNI_NETNS` is the plugin's own namespace", shows: servesOwnNamespace},
	}, gcDifferences()...)
}

// TestDifferences runs the plugins for each cell of the table.
func TestDifferences(t *testing.T) {
	table := designTable(t)
	for _, d := range differences() {
		t.Run(d.name, func(t *testing.T) {
			cells, ok := table[d.name]
			require.True(t, ok, "DESIGN.md has no row of that name")
			require.Len(t, cells, 3)
			require.Equal(t, cells[0], d.shows(t, subject{older(), ""}), olderVersion)
			require.Equal(t, cells[1], d.shows(t, subject{stock(), ""}), "stock")
			require.Equal(t, cells[2], d.shows(t, subject{ours(), "files"}), "files")
			if !d.layout {
				require.Equal(t, cells[2], d.shows(t, subject{ours(), "bolt"}), "bolt")
			}
		})
		delete(table, d.name)
	}
	require.Empty(t, table, "rows of DESIGN.md without a test")
}

// designTable returns the cells of each row by its first cell.
func designTable(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../DESIGN.md")
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(text), "\n## Where it differs from the stock plugin\n")
	require.True(t, ok)
	section, _, _ = strings.Cut(section, "\n#")
	table := make(map[string][]string)
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) > 1 && cells[0] != "case" {
			table[cells[0]] = cells[1:]
		}
	}
	return table
}

// values returns the values of a map in ascending order.
func values(m map[netip.Addr]string) []string { return slices.Sorted(maps.Values(m)) }

// one is an attachment.
func one() attachment { return attachment{"c1", "eth0"} }

// newNetwork returns a network for the subject in a new data directory.
func newNetwork(t *testing.T, s subject, ipam string) network {
	t.Helper()
	return network{dir: t.TempDir(), backend: s.backend, version: "1.1.0", ipam: ipam}
}

// with returns the network with another configuration.
func (n network) with(ipam string) network {
	n.ipam = ipam
	return n
}

// An attachment holds a lease of an earlier configuration, and an ADD with a new
// configuration fails.
func afterFailedADD(t *testing.T, s subject) string {
	n := newNetwork(t, s, `"subnet": "10.9.0.0/24"`)
	s.mustDo(t, n.call("ADD", one()))
	full := n.with(`"ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.3.0/30"}]]`)
	s.mustDo(t, full.call("ADD", attachment{"c2", "eth0"}))
	before := storedLeases(t, n)
	require.False(t, s.mustRun(t, full.call("ADD", one())).ok)
	after := storedLeases(t, n)
	if len(after) == len(before) {
		require.Equal(t, before, after)
		return "nothing has happened"
	}
	require.Len(t, after, 2, "the leases of c2")
	return "the attachment loses the leases that it held before"
}

// afterKilledADD kills an ADD of two leases at each of its writes.
func afterKilledADD(t *testing.T, s subject) string {
	if !ptracer.Supported {
		t.Skip("the tracer needs Linux on amd64")
	}
	empty, half := false, false
	for n := 1; ; n++ {
		net := newNetwork(t, s, dual)
		if !s.killAtWrite(t, n, net.call("ADD", one())) {
			break
		}
		s.mustDo(t, net.call("DEL", attachment{"c2", "eth0"})) // Our plugin cleans up after the kill.
		left := values(storedLeases(t, net))
		empty = empty || slices.Contains(left, "")
		half = half || len(left) == 1
	}
	require.Equal(t, empty, half)
	if half {
		return "can leave one lease of two, and an empty file"
	}
	return "leaves both leases or none"
}

// killAtWrite kills the call at its nth write or rename of a file, and reports whether it
// got there.
func (p plugin) killAtWrite(t *testing.T, n int, c call) bool {
	t.Helper()
	cmd := exec.Command(p.path)
	cmd.Env, cmd.Stdin = c.environ(), strings.NewReader(c.conf)
	writes := 0
	_, err := ptracer.Run(cmd, ptracer.Hooks{Enter: func(call *ptracer.Call) ptracer.Action {
		if slices.Contains([]string{"write", "pwrite64", "renameat", "renameat2", "linkat"}, call.Name) {
			writes++
		}
		return ptracer.Action{Kill: writes == n}
	}})
	if !ptracer.Killed(err) {
		require.NoError(t, err)
	}
	return err != nil
}

// The empty file is for the last free address of the network.
func emptyFile(t *testing.T, s subject) string {
	n := newNetwork(t, s, `"subnet": "10.1.2.0/29", "rangeEnd": "10.1.2.3"`)
	s.mustDo(t, n.call("ADD", one()))
	require.NoError(t, os.WriteFile(n.path()+"/10.1.2.3", nil, 0o600))
	if s.mustRun(t, n.call("ADD", attachment{"c2", "eth0"})).ok {
		return "its address is leased again when no other is left"
	}
	list := n
	list.beside = `"cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}]`
	s.mustDo(t, list.call("GC", one()))
	if s.mustRun(t, n.call("ADD", attachment{"c2", "eth0"})).ok {
		return "its address is taken until a GC"
	}
	return "its address is taken for ever"
}

func secondAddress(t *testing.T, s subject) string {
	n := newNetwork(t, s, ipv4)
	s.mustDo(t, n.call("ADD", one()))
	c := n.call("ADD", one())
	c.args = "IP=10.1.2.9"
	a := s.mustRun(t, c)
	if !a.ok {
		require.Contains(t, a.refusal().Msg, "duplicate allocation is not allowed")
		return "is refused as a duplicate"
	}
	require.Len(t, storedLeases(t, n), 2)
	return "gets it"
}

// delWith runs a DEL after ipam has changed.
func delWith(ipam string) func(t *testing.T, s subject) string {
	return func(t *testing.T, s subject) string {
		n := newNetwork(t, s, ipv4)
		s.mustDo(t, n.call("ADD", one()))
		a := s.mustRun(t, n.with(ipam).call("DEL", one()))
		if left := storedLeases(t, n); a.ok {
			require.Empty(t, left)
			return "releases"
		} else {
			require.Len(t, left, 1)
			return "fails, and the lease stays"
		}
	}
}

func checkOfAnother(t *testing.T, s subject) string {
	n := newNetwork(t, s, ipv4)
	s.mustDo(t, n.call("ADD", one()))
	n.beside = `"prevResult": {"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.9/24"}]}`
	if s.mustRun(t, n.call("CHECK", one())).ok {
		return "passes"
	}
	n.beside = `"prevResult": {"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.2/24"}]}`
	s.mustDo(t, n.call("CHECK", one()))
	return "fails"
}

func statusOf(ipam string) func(t *testing.T, s subject) string {
	return func(t *testing.T, s subject) string {
		n := newNetwork(t, s, `"subnet": "10.1.2.0/30"`)
		s.mustDo(t, n.call("ADD", one()))
		a := s.mustRun(t, n.with(ipam).call("STATUS", one()))
		if a.ok {
			return "passes"
		}
		return fmt.Sprintf("fails with code %d", a.refusal().Code)
	}
}

// serves runs an ADD and a DEL with these keys in ipam.
func serves(ipam string) func(t *testing.T, s subject) string {
	return func(t *testing.T, s subject) string {
		n := newNetwork(t, s, ipam)
		return served(t, s, n.call("ADD", one()), n)
	}
}

func servesPod(t *testing.T, s subject) string {
	n := newNetwork(t, s, ipv4)
	c := n.call("ADD", one())
	c.args = "K8S_POD_NAMESPACE=ns;K8S_POD_NAME=pod"
	return served(t, s, c, n)
}

func servesOwnNamespace(t *testing.T, s subject) string {
	n := newNetwork(t, s, ipv4)
	c := n.call("ADD", one())
	c.env = map[string]string{"CNI_NETNS": "/proc/self/ns/net"}
	return served(t, s, c, n)
}

// served runs an ADD and then a DEL, and describes what they do.
func served(t *testing.T, s subject, add call, n network) string {
	t.Helper()
	got := s.mustRun(t, add)
	held := len(storedLeases(t, n))
	second := add
	second.who.id = "c2"
	s.mustRun(t, second) // The pool may be too small for it.
	outside := false
	for addr := range storedLeases(t, n) {
		outside = outside || strings.HasPrefix(addr.String(), "10.1.3.")
	}
	add.command = "DEL"
	switch released := s.mustRun(t, add).ok; {
	case outside:
		return "leases addresses outside the subnet"
	case got.ok && released:
		return "is accepted"
	case !got.ok && held == 0 && !released:
		return "is refused, by DEL too"
	case !got.ok && held == 0:
		return "is refused, but not by DEL"
	case !got.ok:
		return "ADD leases, and fails"
	default:
		return "is accepted, but not by DEL"
	}
}
