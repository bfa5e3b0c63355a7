package container_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/container"
	"github.com/leasehold/leasehold/internal/config"
)

func TestContainersDiffer(t *testing.T) {
	ids, namespaces, addrs := map[string]bool{}, map[string]bool{}, map[netip.Addr]bool{}
	const n = 1000
	for c := range container.Container(n) {
		require.Regexp(t, `^[0-9a-f]{64}$`, c.ID())
		require.Regexp(t, `^/var/run/netns/cni-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, c.Netns())
		require.NoError(t, c.Lease("").Validate())
		ids[c.ID()], namespaces[c.Netns()], addrs[c.Addr()] = true, true, true
	}
	require.Len(t, ids, n)
	require.Len(t, namespaces, n)
	require.Len(t, addrs, n)
}

// The gateway is the first address of the subnet and is not handed out.
func TestAddresses(t *testing.T) {
	require.Equal(t, "10.0.0.2/8", container.Prefix(0).String())
	require.Equal(t, "10.0.1.0/8", container.Prefix(254).String())
	require.Equal(t, "10.15.66.66/8", container.Prefix(1_000_000).String())
}

// What the plugin parses is what a lease of the fill has: otherwise the leases of
// the fill would be of another size than those that are added.
func TestConfigurationAgreesWithLease(t *testing.T) {
	n := container.Network{DataDir: "/data", Backend: "bolt"}
	c := container.Container(7)
	for _, command := range []string{"ADD", "CHECK", "DEL"} {
		stdin, err := n.For(command, c)
		require.NoError(t, err)
		env := map[string]string{}
		for _, pair := range c.Env(command) {
			key, value, _ := strings.Cut(pair, "=")
			env[key] = value
		}
		parsed, err := config.Parse(stdin, env["CNI_ARGS"])
		require.NoError(t, err)
		lease := c.Lease("")
		require.Equal(t, n.Path(), parsed.Path())
		require.Equal(t, config.Bolt, parsed.Backend)
		require.Equal(t, lease.Pod, parsed.Pod)
		require.True(t, parsed.Pool.Contains(lease.Addr))
		require.Equal(t, lease.Netns, env["CNI_NETNS"])
		require.Equal(t, lease.Owner.ContainerID, env["CNI_CONTAINERID"])
		require.Equal(t, lease.Owner.IfName, env["CNI_IFNAME"])
		require.Equal(t, command, env["CNI_COMMAND"])
	}
}

func TestPrevResult(t *testing.T) {
	n := container.Network{DataDir: "/data"}
	for _, command := range []string{"CHECK", "DEL"} {
		stdin, err := n.For(command, 3)
		require.NoError(t, err)
		listed, err := config.ParsePrevResult(stdin)
		require.NoError(t, err)
		require.Equal(t, []netip.Addr{container.Container(3).Addr()}, listed)
	}
	stdin, err := n.For("ADD", 3)
	require.NoError(t, err)
	require.NotContains(t, string(stdin), "prevResult")
	require.NotContains(t, string(stdin), "backend")
}
