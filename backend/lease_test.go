package backend_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

func TestOwnerCovers(t *testing.T) {
	eth0 := backend.Owner{ContainerID: "c", IfName: "eth0"}
	for _, test := range []struct {
		name  string
		other backend.Owner
		want  bool
	}{
		{"itself", eth0, true},
		{"every interface of the container", backend.Owner{ContainerID: "c"}, true},
		{"another interface", backend.Owner{ContainerID: "c", IfName: "eth1"}, false},
		{"another container", backend.Owner{ContainerID: "d", IfName: "eth0"}, false},
		{"every interface of another container", backend.Owner{ContainerID: "d"}, false},
		{"a longer ID", backend.Owner{ContainerID: "ce", IfName: "th0"}, false},
		{"an unknown owner", backend.Owner{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, eth0.Covers(test.other))
			require.Equal(t, test.want, test.other.Covers(eth0))
		})
	}
}

func TestOwnerString(t *testing.T) {
	require.Equal(t, "unknown", backend.Owner{}.String())
	require.Equal(t, "c", backend.Owner{ContainerID: "c"}.String())
	require.Equal(t, "c (eth0)", backend.Owner{ContainerID: "c", IfName: "eth0"}.String())
	require.Equal(t, " (eth0)", backend.Owner{IfName: "eth0"}.String())
}

func TestOwnerIsZero(t *testing.T) {
	require.True(t, backend.Owner{}.IsZero())
	require.False(t, backend.Owner{ContainerID: "c"}.IsZero())
	require.False(t, backend.Owner{IfName: "eth0"}.IsZero())
}

func TestOwnerValidate(t *testing.T) {
	longest := strings.Repeat("x", backend.MaxNameLen)
	for _, o := range []backend.Owner{
		{ContainerID: "c", IfName: "eth0"},
		{ContainerID: "c"},
		{ContainerID: "with space", IfName: "veth/0.1@if2"},
		{ContainerID: "\xff\x80", IfName: "é"},
		{ContainerID: longest, IfName: longest},
	} {
		require.NoError(t, o.Validate(), "%q", o)
	}
	for name, reason := range map[string]string{
		longest + "x": "longer than 4096 bytes",
		" c":          "begins or ends with a space",
		"c ":          "begins or ends with a space",
		"c\n":         "begins or ends with a space",
		"\u00a0c":     "begins or ends with a space",
		"a\nb":        "control character",
		"a\rb":        "control character",
		"a\x00b":      "control character",
		"a\x7f":       "control character",
	} {
		require.ErrorContains(t, backend.Owner{ContainerID: name}.Validate(), reason)
		require.ErrorContains(t, backend.Owner{ContainerID: name}.Validate(), "container ID")
		require.ErrorContains(t, backend.Owner{ContainerID: "c", IfName: name}.Validate(), reason)
		require.ErrorContains(t, backend.Owner{ContainerID: "c", IfName: name}.Validate(), "interface name")
	}
	require.ErrorContains(t, backend.Owner{}.Validate(), "container ID is empty")
	require.ErrorContains(t, backend.Owner{IfName: "eth0"}.Validate(), "container ID is empty")
}

func TestLeaseValidate(t *testing.T) {
	good := backend.Lease{
		Addr:  netip.MustParseAddr("10.0.0.1"),
		Owner: backend.Owner{ContainerID: "c", IfName: "eth0"},
		Since: time.Unix(1_700_000_000, 0).UTC(),
		Boot:  "5b2f7c9e",
		Pod:   backend.Pod{Namespace: "default", Name: "web-0"},
		Netns: "/run/netns/c",
	}
	require.NoError(t, good.Validate())
	require.NoError(t, backend.Lease{Addr: good.Addr, Owner: good.Owner}.Validate())
	for field, spoil := range map[string]func(*backend.Lease){
		"address":        func(l *backend.Lease) { l.Addr = netip.Addr{} },
		"container ID":   func(l *backend.Lease) { l.Owner = backend.Owner{} },
		"interface name": func(l *backend.Lease) { l.Owner.IfName = "a\nb" },
		`"boot\n`:        func(l *backend.Lease) { l.Boot = "boot\nb" },
		`"namespace\n`:   func(l *backend.Lease) { l.Pod.Namespace = "namespace\nb" },
		`"pod\n`:         func(l *backend.Lease) { l.Pod.Name = "pod\nb" },
		`"netns\n`:       func(l *backend.Lease) { l.Netns = "netns\nb" },
	} {
		bad := good
		spoil(&bad)
		require.ErrorContains(t, bad.Validate(), field)
	}
}

func TestValidateAddr(t *testing.T) {
	for _, s := range []string{"0.0.0.0", "255.255.255.255", "::", "fe80::1", "::fffe:10.0.0.1"} {
		require.NoError(t, backend.ValidateAddr(netip.MustParseAddr(s)))
	}
	for s, reason := range map[string]string{
		"fe80::1%eth0":    "has a zone",
		"::ffff:10.0.0.1": "use 10.0.0.1",
	} {
		require.ErrorContains(t, backend.ValidateAddr(netip.MustParseAddr(s)), reason)
	}
	require.ErrorContains(t, backend.ValidateAddr(netip.Addr{}), "not set")
}

func TestValidateSet(t *testing.T) {
	for _, set := range []string{"0", "10", "aZ-_9", "-", strings.Repeat("x", 64)} {
		require.NoError(t, backend.ValidateSet(set))
	}
	for _, set := range []string{"", ".", "..", "a/b", `a\b`, "a.b", "a:b", "a b", "a\x00", "é", strings.Repeat("x", 65)} {
		require.ErrorContains(t, backend.ValidateSet(set), "range set")
	}
}

func TestPodString(t *testing.T) {
	require.Equal(t, "default/web-0", backend.Pod{Namespace: "default", Name: "web-0"}.String())
	require.Equal(t, "gifted_easley", backend.Pod{Name: "gifted_easley"}.String())
}
