package config_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
)

func TestNetworkNeedsNoRanges(t *testing.T) {
	n, err := config.ParseNetwork([]byte(`{"name": "net", "ipam": {"type": "host-local"}}`))
	require.NoError(t, err)
	require.Equal(t, config.Network{
		CNIVersion:  "0.1.0",
		Name:        "net",
		DataDir:     "/var/lib/cni/networks",
		LockTimeout: 30 * time.Second,
	}, n)
}

func TestNetworkIgnoresTheRest(t *testing.T) {
	n, err := config.ParseNetwork([]byte(`{
		"name": "net", "args": 2, "runtimeConfig": [3], "prevResult": "x",
		"ipam": {
			"dataDir": "/run/ipam", "backend": "bolt", "lockTimeout": "1s",
			"type": 1, "name": [], "subnet": 5, "ranges": "x", "rangeStart": "x", "gateway": {}, "routes": 7,
			"exclude": false, "onReboot": "x", "onDuplicate": 1, "exhaustedStatus": []
		}
	}`))
	require.NoError(t, err)
	require.Equal(t, config.Network{
		CNIVersion:  "0.1.0",
		Name:        "net",
		DataDir:     "/run/ipam",
		Backend:     config.Bolt,
		LockTimeout: time.Second,
	}, n)
	require.Equal(t, filepath.FromSlash("/run/ipam/net"), n.Path())
}

func TestNetworkRejected(t *testing.T) {
	for stdin, text := range map[string]string{
		`{"ipam": {}}`:                  "missing network name",
		`{"name": "a/b", "ipam": {}}`:   `invalid characters found in network name "a/b"`,
		`{"name": "net"}`:               "IPAM config missing 'ipam' key",
		`{"name": "net", "ipam": null}`: "IPAM config missing 'ipam' key",
	} {
		_, err := config.ParseNetwork([]byte(stdin))
		rejected(t, err, config.ErrInvalid, text)
	}
	for stdin, text := range map[string]string{
		`{`:                          "unexpected end of JSON input",
		`{"name": {}, "ipam": {}}`:   "name is of JSON type object, want string",
		`{"name": "net", "ipam": 5}`: "ipam is of JSON type number, want object",
		conf(`"dataDir": 5`):         "ipam.dataDir is of JSON type number, want string",
	} {
		_, err := config.ParseNetwork([]byte(stdin))
		rejected(t, err, config.ErrDecode, "error unmarshall network config: "+text)
	}
}

// A release does not fail because of values that it does not need.
func TestParseNetworkAcceptsInvalidConfig(t *testing.T) {
	for keys, text := range map[string]string{
		`"subnet": "10.1.2.0/24", "backend": "x"`:     `ipam.backend: unknown value "x"`,
		`"subnet": "10.1.2.0/24", "lockTimeout": "x"`: `ipam.lockTimeout: "x" is not a positive duration`,
	} {
		_, err := config.Parse([]byte(conf(keys)), "")
		rejected(t, err, config.ErrInvalid, text)
		n, err := config.ParseNetwork([]byte(conf(keys)))
		require.NoError(t, err)
		require.Equal(t, 30*time.Second, n.LockTimeout)
		require.Empty(t, n.Backend)
	}
}

// A value of a wrong type is as good as any other that it does not need. An earlier value of the
// same key does not count either: an ADD takes the last one.
func TestParseNetworkAcceptsWrongTypes(t *testing.T) {
	for _, key := range []string{"backend", "lockTimeout"} {
		for value, kind := range map[string]string{`5`: "number", `true`: "bool", `["bolt", {"a": "1s"}]`: "array", `{"backend": "bolt"}`: "object"} {
			keys := `"subnet": "10.1.2.0/24", "` + key + `": "` + map[string]string{"backend": "bolt", "lockTimeout": "1s"}[key] + `", "` + key + `": ` + value
			_, err := config.Parse([]byte(conf(keys)), "")
			rejected(t, err, config.ErrDecode, "error unmarshall network config: ipam."+key+" is of JSON type "+kind+", want string")
			n, err := config.ParseNetwork([]byte(conf(keys + `, "dataDir": "/run/ipam"`)))
			require.NoError(t, err, keys)
			require.Equal(t, 30*time.Second, n.LockTimeout)
			require.Empty(t, n.Backend)
			require.Equal(t, "/run/ipam", n.DataDir)
		}
		for _, value := range []string{`[`, `{"a"`, `tru`, ``} {
			_, err := config.ParseNetwork([]byte(`{"name": "net", "ipam": {"` + key + `": ` + value))
			require.ErrorIs(t, err, config.ErrDecode, value)
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a", "0", "net.1_a-b", "A.."} {
		require.NoError(t, config.CheckName(name), name)
	}
	rejected(t, config.CheckName(""), config.ErrInvalid, "missing network name")
	for _, name := range []string{".", "..", "../a", "a/b", ".leasehold", "-a", "_a", " a", "a\x00", "é", "a\xff"} {
		rejected(t, config.CheckName(name), config.ErrInvalid, fmt.Sprintf("invalid characters found in network name %q", name))
	}
}
