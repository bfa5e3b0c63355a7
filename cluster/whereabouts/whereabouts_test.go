package whereabouts_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster/whereabouts"
)

// What version 0.9.2 has written to an API server of Kubernetes 1.37.2, without times and IDs.
const objects = "testdata/objects.json"

func TestRead(t *testing.T) {
	f, err := os.Open(objects)
	require.NoError(t, err)
	defer f.Close()
	all, err := whereabouts.Read(f)
	require.NoError(t, err)

	pods := make(map[string]string)
	for _, a := range all {
		key := strings.TrimPrefix(a.Network+" "+a.Addr.String(), " ")
		require.Empty(t, pods[key], "%s once", key)
		pods[key] = a.Pod + " " + a.IfName
	}
	require.Len(t, pods, 36)
	for key, want := range map[string]string{
		"10.30.0.1":            "default/x1 net1",
		"192.168.10.2":         "default/p1 net2",
		"192.168.10.6":         "default/o2 net1", // a range within another one, whose base is the same
		"blue 192.168.10.1":    "default/n1 net1",
		"192.168.10.1":         "default/p1 net1",
		"rtnode 10.60.0.1":     "default/sl1 net1", // a slice of a node, reserved without its network
		"10.60.0.1":            "default/sl1 net1",
		"2001:db8:1::5":        "default/s4 net1",
		"2001:db8:3:1::1":      "default/g1 net1", // in a /48, whose pool has the lower 64 bits
		"2001:db8:5:0:8000::1": "default/v3 net1",
		// Its pool has lost it: the distance is 2^63 and more.
		"2001:db8:2:0:8000::1": "default/h1 net1",
		"2001:db8:2:0:8000::2": "default/h2 net1",
		"fd00::10":             "kube-system/mu1 net1",
	} {
		require.Equal(t, want, pods[key], key)
	}
}

func TestReadOthers(t *testing.T) {
	pool := func(name, cidr, allocations string) string {
		return `{"kind": "IPPool", "metadata": {"name": "` + name + `"}, "spec": {"range": "` + cidr + `", "allocations": {` + allocations + `}}}`
	}
	of := func(offset, pod string) string {
		return `"` + offset + `": {"id": "c", "podref": "` + pod + `", "ifname": "net1"}`
	}
	all, err := whereabouts.Read(strings.NewReader(
		pool("10.0.0.0-24", "10.0.0.0/24", of("255", "a/b")) + `{"kind": "List", "items": []}` +
			`{"kind": "List", "items": [` + pool("n-fd00---64", "fd00::/64", of("18446744073709551615", "a/b")) + `]}`))
	require.NoError(t, err)
	require.Equal(t, []whereabouts.Allocation{
		{Addr: netip.MustParseAddr("10.0.0.255"), Pod: "a/b", IfName: "net1"},
		{Addr: netip.MustParseAddr("fd00::ffff:ffff:ffff:ffff"), Pod: "a/b", IfName: "net1", Network: "n"},
	}, all)

	all, err = whereabouts.Read(strings.NewReader(pool("fd00---48", "fd00::/48", of("1", "a/b")) + pool("10.0.0.0-24", "10.0.0.0/24", of("1", "a/c"))))
	var unknown *whereabouts.UnknownError
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, []string{"a/b net1 in fd00::/48"}, unknown.Pods)
	require.Len(t, all, 1)

	for text, input := range map[string]string{
		`object x is a "Pod"`:      `{"kind": "Pod", "metadata": {"name": "x"}}`,
		"objects of whereabouts: ": "no JSON",
		"object default is of the kind IPPool in crd.projectcalico.org/v1, not in whereabouts.cni.cncf.io; name": `{"apiVersion": "crd.projectcalico.org/v1", "kind": "IPPool", "metadata": {"name": "default"}, "spec": {"cidr": "10.0.0.0/16"}}`,
		`pool 10.0.0.0-24: allocation 256 is not in the range 10.0.0.0/24`:                                       pool("10.0.0.0-24", "10.0.0.0/24", of("256", "a/b")),
		`pool 10.0.0.0-24: allocation "-1" is no distance`:                                                       pool("10.0.0.0-24", "10.0.0.0/24", of("-1", "a/b")),
		`pool p: its name does not end in its range 10.0.0.0/24`:                                                 pool("p", "10.0.0.0/24", ""),
		`pool p: range: netip.ParsePrefix("here")`:                                                               pool("p", "here", ""),
		`reservation r: no address is in its name`:                                                               `{"kind": "OverlappingRangeIPReservation", "metadata": {"name": "r"}}`,
	} {
		_, err := whereabouts.Read(strings.NewReader(input))
		require.ErrorContains(t, err, text)
	}
}
