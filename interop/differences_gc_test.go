package interop

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// gcDifferences returns the rows about a GC in a network in which c1 and c2 have a lease
// each.
func gcDifferences() []difference {
	const (
		empty = `"cni.dev/valid-attachments": []`
		first = `"cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}]`
	)
	return []difference{
		{name: "GC", shows: gcWith(first, ipv4)},
		{name: "GC without a list", shows: gcWith("", ipv4)},
		{name: "GC with a list that is null", shows: gcWith(`"cni.dev/valid-attachments": null`, ipv4)},
		{name: "GC with an empty list", shows: gcWith(empty, ipv4)},
		{name: "GC with the list under the older key, `cni.dev/attachments`",
			shows: gcWith(`"cni.dev/attachments": [{"containerID": "c1", "ifname": "eth0"}]`, ipv4)},
		{name: "GC with a container without an interface", shows: gcWith(`"cni.dev/valid-attachments": [{"containerID": "c1"}]`, ipv4)},
		{name: "GC with an attachment without a container", shows: gcWith(`"cni.dev/valid-attachments": [{"ifname": "eth0"}]`, ipv4)},
		{name: "GC with ranges that are missing or wrong",
			shows: alike(gcWith(first, `"type": "host-local"`), gcWith(first, `"subnet": "10.1.2.7/24"`), gcWith(first, `"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.255"`))},
		{name: "GC beside a file that is no lease", shows: gcBesideOtherFile, layout: true},
	}
}

// gcWith runs a GC with a list of attachments and the given keys in ipam.
func gcWith(list, ipam string) func(t *testing.T, s subject) string {
	return func(t *testing.T, s subject) string {
		n := twoLeases(t, s)
		n.beside = list
		a := s.mustRun(t, n.with(ipam).call("GC", one()))
		left := values(storedLeases(t, n))
		switch c1 := leaseFile(one()); {
		case !a.ok:
			require.Len(t, left, 2)
			return "is refused"
		case len(left) == 2:
			return "does nothing"
		case len(left) == 0:
			return "releases every lease"
		default:
			require.Equal(t, []string{c1}, left)
			return "releases what is not on the list"
		}
	}
}

func twoLeases(t *testing.T, s subject) network {
	t.Helper()
	n := newNetwork(t, s, ipv4)
	s.mustDo(t, n.call("ADD", one()))
	s.mustDo(t, n.call("ADD", attachment{"c2", "eth0"}))
	return n
}

// alike requires that all functions return the same, and returns it.
func alike(all ...func(t *testing.T, s subject) string) func(t *testing.T, s subject) string {
	return func(t *testing.T, s subject) string {
		first := all[0](t, s)
		for _, other := range all[1:] {
			require.Equal(t, first, other(t, s))
		}
		return first
	}
}

func gcBesideOtherFile(t *testing.T, s subject) string {
	n := twoLeases(t, s)
	other := filepath.Join(n.path(), "README")
	require.NoError(t, os.WriteFile(other, []byte("c3 does not live here"), 0o600))
	n.beside = `"cni.dev/valid-attachments": []`
	s.mustDo(t, n.call("GC", one()))
	if _, err := os.Lstat(other); err != nil {
		require.ErrorIs(t, err, os.ErrNotExist)
		return "deletes it"
	}
	return "leaves it"
}
