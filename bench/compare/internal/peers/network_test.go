package peers

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/measure"
)

var (
	v4 = netip.MustParseAddr("10.0.0.9")
	v6 = netip.MustParseAddr("fd00::9")
)

// dual returns a network of two families.
func dual() Network {
	return Network{
		DataDir: "/data",
		Backend: "bolt",
		Subnets: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/64")},
	}
}

// What the plugin parses is what a lease of the fill has: otherwise the leases of
// the fill would be of another size than the leases of ADDs.
func TestConfigurationAgreesWithLease(t *testing.T) {
	n := dual()
	c := measure.Container(7)
	for _, command := range []string{"ADD", "CHECK", "DEL"} {
		stdin := n.Stdin(command, []netip.Addr{v4, v6})
		env := map[string]string{}
		for _, pair := range c.Env(command) {
			key, value, _ := strings.Cut(pair, "=")
			env[key] = value
		}
		parsed, err := config.Parse(stdin, env["CNI_ARGS"])
		require.NoError(t, err)
		lease := c.Lease(v6, "a boot")
		require.Equal(t, v6, lease.Addr)
		require.Equal(t, "a boot", lease.Boot)
		require.Equal(t, n.Path(), parsed.Path())
		require.Equal(t, config.Bolt, parsed.Backend)
		require.Equal(t, lease.Pod, parsed.Pod)
		require.True(t, parsed.Pool.Contains(v4) && parsed.Pool.Contains(v6))
		require.Equal(t, lease.Netns, env["CNI_NETNS"])
		require.Equal(t, lease.Owner.ContainerID, env["CNI_CONTAINERID"])
		require.Equal(t, lease.Owner.IfName, env["CNI_IFNAME"])
		require.Equal(t, command, env["CNI_COMMAND"])
	}
}

func TestPrevResult(t *testing.T) {
	n := dual()
	for _, command := range []string{"CHECK", "DEL"} {
		stdin := n.Stdin(command, []netip.Addr{v4, v6})
		listed, err := config.ParsePrevResult(stdin)
		require.NoError(t, err)
		require.Equal(t, []netip.Addr{v4, v6}, listed)
		require.Contains(t, string(stdin), `{"address":"fd00::9/64","gateway":"fd00::1"}`)
	}
	n.Backend = ""
	stdin := n.Stdin("ADD", nil)
	require.NotContains(t, string(stdin), "prevResult")
	require.NotContains(t, string(stdin), "backend")
}
