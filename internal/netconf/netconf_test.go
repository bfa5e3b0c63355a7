package netconf_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/netconf"
)

// describe formats a network as one line.
func describe(n netconf.Network) string {
	text := fmt.Sprintf("%s %s %s %s", filepath.Base(n.File), n.Plugin, n.CNIVersion, filepath.ToSlash(n.Path()))
	if n.Backend != "" {
		text += " " + n.Backend
	}
	if n.RangesElsewhere {
		text += " elsewhere"
	}
	if n.Err != nil {
		return text + ": " + n.Err.Error()
	}
	for _, s := range n.Config.Pool.Sets() {
		text += " " + s.String()
	}
	return text
}

func describeAll(all []netconf.Network) []string {
	var lines []string
	for _, n := range all {
		lines = append(lines, describe(n))
	}
	return lines
}

func read(t *testing.T, dir string) netconf.Node {
	t.Helper()
	n, err := netconf.Read(filepath.Join("testdata", dir))
	require.NoError(t, err)
	return n
}

func TestNode(t *testing.T) {
	const (
		noRanges  = `no IP ranges specified; add "ranges": [[{"subnet": "10.1.2.0/24"}]] to ipam`
		networks  = "/var/lib/cni/networks"
		podCIDR   = "invalid CIDR address: usePodCidr (ipam.subnet); write a network like 10.1.2.0/24 or fd00::/64; only the calico plugin replaces usePodCidr by the subnet of the node"
		hostBits  = "invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 10.60.0.0; correct the ranges in ipam.ranges[0]"
		dualStack = "10.88.0.1-10.88.255.254 2001:db8:4860::1-2001:db8:4860:0:ffff:ffff:ffff:ffff"
	)
	n := read(t, "node")
	require.Empty(t, n.Problems)
	require.Equal(t, []string{
		"00-multus.conf macvlan 0.3.1 " + networks + "/multus-cni-network 10.56.217.131-10.56.217.190",
		"00-multus.conf ipvlan 0.2.0 /run/storage-ipam/storage 10.57.0.1-10.57.255.254",
		"00-multus.conf ptp 1.0.0 " + networks + "/listed 10.58.0.1-10.58.255.254",
		"10-bridge.conf bridge 0.4.0 " + networks + "/mynet 10.22.0.1-10.22.255.254",
		"10-containerd-net.conflist bridge 1.0.0 " + networks + "/containerd-net " + dualStack,
		"10-flannel.conflist flannel 1.0.0 " + networks + "/cbr0 elsewhere: " + noRanges,
		"10-kindnet.conflist ptp 0.3.1 /run/cni-ipam-state/kindnet 10.244.1.1-10.244.1.254",
		"11-flannel-state.conf flannel 0.1.0 /run/flannel-ipam/flannel-state elsewhere: " + noRanges,
		"20-ptp.json ptp 0.3.1 " + networks + "/ptpnet bolt 10.1.1.1-10.1.1.254",
		"30-calico.conflist calico 0.3.1 " + networks + "/canal elsewhere: " + podCIDR,
		"40-runtime-ranges.conflist bridge 1.0.0 /run/pods/k8s-pod-network bolt elsewhere: " + noRanges,
		"41-more-ranges.conflist bridge 1.0.0 " + networks + "/more-ranges elsewhere 10.41.0.1-10.41.0.254",
		"50-beside.conflist bridge 1.0.0 " + networks + "/beside 10.50.0.1-10.50.0.254",
		"50-beside.conflist macvlan 1.0.0 " + networks + "/beside 10.50.1.1-10.50.1.254",
		"51-inlined.conflist bridge 1.1.0 " + networks + "/inlined 10.51.0.1-10.51.0.254",
		"60-rejected.conflist bridge 1.0.0 " + networks + "/rejected: " + hostBits,
		"87-podman.conflist bridge 0.4.0 " + networks + "/podman 10.89.0.1-10.89.255.254",
	}, describeAll(n.Networks))
}

// load returns the networks of a file.
func load(path string) ([]netconf.Network, error) {
	n, err := netconf.Load(path)
	return n.Networks, err
}

// named returns the networks with a name.
func named(n netconf.Node, name string) []netconf.Network {
	return slices.DeleteFunc(slices.Clone(n.Networks), func(one netconf.Network) bool { return one.Name != name })
}

func TestNetworkFields(t *testing.T) {
	ptp := named(read(t, "node"), "ptpnet")
	require.Len(t, ptp, 1)
	require.Equal(t, filepath.Join("testdata", "node", "20-ptp.json"), ptp[0].File)
	require.Equal(t, config.Network{
		CNIVersion: "0.3.1", Name: "ptpnet", DataDir: "/var/lib/cni/networks", Backend: config.Bolt, LockTimeout: 5 * time.Second,
	}, ptp[0].Network)
	require.Equal(t, ptp[0].Network, ptp[0].Config.Network)
	require.NotZero(t, ptp[0].Config.Pool.Sets()[0].Size())
	for _, n := range read(t, "node").Networks {
		require.Equal(t, n.Err == nil, n.Config != nil, "%s", n.File)
		if n.Err != nil {
			var explained *config.Error
			require.ErrorAs(t, n.Err, &explained, "%s", n.File)
		}
	}
}

func TestProblemsDoNotHideOtherNetworks(t *testing.T) {
	n := read(t, "broken")
	var problems []string
	for _, p := range n.Problems {
		require.ErrorIs(t, p, p.Err)
		require.True(t, strings.HasPrefix(p.Error(), p.File+": "))
		problems = append(problems, filepath.Base(p.File)+": "+p.Err.Error())
	}
	const (
		rule   = `use letters, digits, '_', '.' and '-', beginning with a letter or digit`
		name   = `add the key "name"; ` + rule
		decode = "error unmarshall network config: "
	)
	require.Equal(t, []string{
		"10-cut.conflist: " + decode + "unexpected end of JSON input; the JSON is broken at byte 52",
		"11-empty.conf: " + decode + "unexpected end of JSON input; the JSON is broken at byte 0",
		`12-list.conf: the plugin has no "type"; it is a list of plugins, which runtimes read only from a .conflist file`,
		"13-noname.conflist: missing network name; " + name,
		"14-noname.conf: missing network name; " + name,
		`15-outside.conflist: invalid characters found in network name "../node/beside"; ` + rule,
		"16-noplugins.conflist: the list has no plugins",
		`17-notype.conflist: the plugin has no "type"`,
		"19-types.json: " + decode + "ipam is of JSON type array, want object; correct the type of this value",
		`20-version.conflist: cniVersions: failed to convert major version part "one": strconv.Atoi: parsing "one": invalid syntax`,
		"21-null.conflist: plugin 0: want a JSON object",
		"22-delegates.conf: " + decode + "type is of JSON type number, want string; correct the type of this value",
		`22-delegates.conf: invalid characters found in network name "a/b"; ` + rule,
		"24-capabilities.conflist: " + decode + "capabilities is of JSON type string, want bool; correct the type of this value",
		"24-capabilities.conflist: " + decode + "capabilities is of JSON type array, want object; correct the type of this value",
	}, problems)
	require.Equal(t, []string{
		"00-good.conf bridge 0.1.0 /var/lib/cni/networks/good 10.0.0.1-10.0.0.254",
		"17-notype.conflist macvlan 1.0.0 /var/lib/cni/networks/notype 10.0.5.1-10.0.5.254",
		`18-backend.conflist bridge 1.0.0 /var/lib/cni/networks/backend: ipam.backend: unknown value "sqlite"; use one of: files, bolt`,
		"22-delegates.conf bridge 1.0.0 /var/lib/cni/networks/fine 10.0.7.1-10.0.7.254",
		"23-others.conf other 0.1.0 /var/lib/cni/networks/others 10.0.8.1-10.0.8.254",
	}, describeAll(n.Networks))
}

func TestReadKeepsOrder(t *testing.T) {
	n := read(t, "twice")
	require.Empty(t, n.Problems)
	require.Equal(t, []string{
		"05-b.conflist bridge 0.1.0 /var/lib/cni/networks/twice 10.2.0.1-10.2.0.254",
		"10-a.conf bridge 0.1.0 /var/lib/cni/networks/twice 10.1.0.1-10.1.0.254",
		"20-c.json bridge 0.1.0 /var/lib/cni/networks/twice 10.3.0.1-10.3.0.254",
	}, describeAll(named(n, "twice")))
}

func TestMissingDirectory(t *testing.T) {
	n, err := netconf.Read(filepath.Join(t.TempDir(), "net.d"))
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestUnreadableDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "net.d")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	if runtime.GOOS == "windows" {
		t.Skip("Windows calls a file where a directory is wanted a path that does not exist")
	}
	_, err := netconf.Read(file)
	require.ErrorContains(t, err, file)
}

func TestUnreadableFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "10-gone.conf")
	require.NoError(t, os.Symlink(filepath.Join(dir, "nowhere"), file))
	n, err := netconf.Read(dir)
	require.NoError(t, err)
	require.Len(t, n.Problems, 1)
	require.Equal(t, file, n.Problems[0].File)
	require.ErrorIs(t, n.Problems[0], os.ErrNotExist)
	require.Equal(t, 1, strings.Count(n.Problems[0].Error(), file), "%s", n.Problems[0])

	_, err = load(file)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, file)
}

// All files in the subdirectory of a list must be readable.
func TestUnreadablePluginsInSubdirectory(t *testing.T) {
	dir := t.TempDir()
	list := `{"name": "net", "plugins": [{"type": "bridge", "ipam": {"type": "host-local", "subnet": "10.0.0.0/24"}}]}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "10-net.conflist"), []byte(list), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "net"), 0o700))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "net", "10-more.conf")))
	n, err := netconf.Read(dir)
	require.NoError(t, err)
	require.Empty(t, n.Networks)
	require.Len(t, n.Problems, 1)
	require.ErrorContains(t, n.Problems[0], "10-more.conf")
}

func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*.*") // without the directory of scripts
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		networks, err := load(file)
		require.NoError(t, err)
		require.Len(t, networks, 1, file)
		require.NoError(t, networks[0].Err)
		require.NotNil(t, networks[0].Config)
		require.Equal(t, file, networks[0].File)
	}
}

// Load recognizes a file by its content.
func TestLoad(t *testing.T) {
	for file, want := range map[string][]string{
		"broken/12-list.conf":         {"12-list.conf bridge 0.1.0 /var/lib/cni/networks/list 10.0.1.1-10.0.1.254"},
		"node/README.txt":             {"README.txt bridge 0.1.0 /var/lib/cni/networks/not-read 10.99.0.1-10.99.0.254"},
		"node/10-kindnet.conflist":    {"10-kindnet.conflist ptp 0.3.1 /run/cni-ipam-state/kindnet 10.244.1.1-10.244.1.254"},
		"node/05-cilium.conflist":     nil,
		"node/99-loopback.conf":       nil,
		"../../../examples/bolt.json": {"bolt.json host-local 1.1.0 /tmp/leasehold-demo/demo bolt 203.0.113.1-203.0.113.254 2001:db8:0:1::1-2001:db8:0:1:ffff:ffff:ffff:ffff"},
		"node/input.txt":              {"input.txt  1.0.0 /var/lib/cni/networks/input files 192.0.2.1-192.0.2.12"}, // host-local's own
		"node/50-beside.conflist": {
			"50-beside.conflist bridge 1.0.0 /var/lib/cni/networks/beside 10.50.0.1-10.50.0.254",
			"50-beside.conflist macvlan 1.0.0 /var/lib/cni/networks/beside 10.50.1.1-10.50.1.254",
		},
	} {
		networks, err := load(filepath.Join("testdata", file))
		require.NoError(t, err)
		require.Equal(t, want, describeAll(networks), file)
	}
}

func TestLoadReportsEveryProblem(t *testing.T) {
	file := filepath.Join("testdata", "broken", "22-delegates.conf")
	networks, err := load(file)
	require.Nil(t, networks)
	require.Equal(t, 2, strings.Count(err.Error(), file+": "), "%s", err)
	for _, name := range []string{"10-cut.conflist", "11-empty.conf", "13-noname.conflist", "17-notype.conflist"} {
		networks, err := load(filepath.Join("testdata", "broken", name))
		require.ErrorContains(t, err, name)
		require.Nil(t, networks)
	}
}

// FuzzPlugin checks that no file makes the reader panic, and that the path of the leases is
// known for every network found.
func FuzzPlugin(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.conf*")
	require.NoError(f, err)
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			f.Add(string(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		for _, name := range []string{"a.conf", "b.conflist"} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
		n, err := netconf.Read(dir)
		require.NoError(t, err)
		more, err := load(filepath.Join(dir, "a.conf"))
		require.True(t, err == nil || more == nil)
		for _, network := range append(n.Networks, more...) {
			require.NoError(t, config.CheckName(network.Name))
			require.NotEmpty(t, network.DataDir)
			require.Equal(t, network.Err == nil, network.Config != nil)
		}
	})
}

// The configurations in testdata, which are in use, have none.
func TestUnknownKeys(t *testing.T) {
	for _, n := range read(t, "node").Networks {
		require.Empty(t, n.UnknownKeys, n.File)
	}
	file := filepath.Join(t.TempDir(), "net.conf")
	require.NoError(t, os.WriteFile(file, []byte(`{"name": "net", "type": "ptp", "ipam": {"type": "host-local", "subnet": "10.1.1.0/24", "backed": "bolt"}}`), 0o600))
	networks, err := load(file)
	require.NoError(t, err)
	require.Len(t, networks, 1)
	require.NoError(t, networks[0].Err)
	require.Len(t, networks[0].UnknownKeys, 1)
	require.Equal(t, "ipam.backed", networks[0].UnknownKeys[0].Key())
}
