package config_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
)

// FuzzParse holds that no input makes a parser panic, that every error has a
// kind, and that what is accepted can be used.
func FuzzParse(f *testing.F) {
	for _, stdin := range []string{
		`{"name": "net", "ipam": {"subnet": "10.1.2.0/24"}}`,
		`{"name": "net", "ipam": {"subnet": "203.0.113.1/24", "range-start": "203.0.113.10", "range-end": "203.0.113.20"}}`,
		`{"cniVersion": "1.0.0", "name": "net", "ipam": {"dataDir": "/x/../y", "backend": "bolt", "lockTimeout": "3s",
			"ranges": [[{"subnet": "fd00::/64", "gateway": "none", "exclude": ["fd00::1-fd00::9"]}], [{"subnet": "10.0.0.0/31"}]],
			"routes": [{"dst": "0.0.0.0/0", "gw": "10.0.0.1"}, null]}}`,
		`{"name": "net", "runtimeConfig": {"ipRanges": [[{"subnet": "::/0"}]], "ips": ["::ffff:10.0.0.1/120"]}, "ipam": {}}`,
		`{"name": "net", "args": {"cni": {"ips": ["10.1.2.3/24"]}}, "ipam": {"subnet": "0.0.0.0/0"},
			"prevResult": {"ips": [{"address": "10.1.2.3/24"}]}, "cni.dev/valid-attachments": [{"containerID": "a", "ifname": "b"}]}`,
		`{"name": "net", "ipam": null, "cni.dev/attachments": null}`,
		`null`, `[`, ``,
	} {
		f.Add([]byte(stdin), "IP=10.1.2.3/24;K8S_POD_NAME=a;IgnoreUnknown=1;x=")
	}
	f.Fuzz(func(t *testing.T, stdin []byte, args string) {
		c, err := config.Parse(stdin, args)
		hasKind(t, err)
		if err == nil {
			usable(t, c.Network)
			require.NotEmpty(t, c.Pool.Sets())
			require.NotEmpty(t, c.CNIVersion)
			for _, addr := range c.Requested {
				require.True(t, addr.IsValid() && addr.Zone() == "" && !addr.Is4In6(), addr)
			}
			for _, route := range c.Routes {
				require.NotNil(t, route)
			}
		}

		// DEL must understand whatever ADD did.
		n, errNetwork := config.ParseNetwork(stdin)
		hasKind(t, errNetwork)
		if err == nil {
			require.NoError(t, errNetwork)
			require.Equal(t, c.Network, n)
		}

		_, owners, err := config.ParseAttachments(stdin)
		hasKind(t, err)
		for _, o := range owners {
			require.NoError(t, o.Validate())
		}
		_, err = config.ParsePrevResult(stdin)
		hasKind(t, err)
		_, err = config.Version(stdin)
		hasKind(t, err)
	})
}

func hasKind(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	known := errors.Is(err, config.ErrDecode) || errors.Is(err, config.ErrInvalid) || errors.Is(err, config.ErrArgs)
	require.True(t, known, "error of no kind: %v", err)
}

func usable(t *testing.T, n config.Network) {
	t.Helper()
	require.NotEmpty(t, n.Name)
	require.Positive(t, n.LockTimeout)
	inside, err := filepath.Rel(n.DataDir, n.Path())
	require.NoError(t, err)
	require.Equal(t, n.Name, inside, "the store is a child of the data directory")
}
