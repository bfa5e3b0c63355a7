package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/lint"
)

// verify reports an address of the host in a range, and the container that holds it.
func TestVerifyFindsHostAddress(t *testing.T) {
	dir := t.TempDir()
	conf := `{"cniVersion": "1.0.0", "name": "n", "type": "macvlan", "master": "eth0", "ipam": {"type": "host-local", "subnet": "10.77.0.0/24"}}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "10-n.conf"), []byte(conf), 0o600))
	data := t.TempDir()
	verify := func() (int, string) {
		var out bytes.Buffer
		tool := tool{
			in: strings.NewReader(""), out: &out, errs: &out, now: time.Now, getenv: func(string) string { return "" },
			hostAddrs: func() ([]lint.HostAddr, error) {
				return []lint.HostAddr{{Interface: "eth0", Addr: netip.MustParseAddr("10.77.0.2")}}, nil
			},
		}
		return tool.run(t.Context(), []string{"--conf-dir", dir, "--data-dir", data, "verify"}), out.String()
	}
	status, text := verify()
	require.Equal(t, cli.StatusNo, status)
	require.Equal(t, "n: 10-n.conf: ipam: the range 10.77.0.1-10.77.0.254 includes 10.77.0.2, an address of this host (eth0): a container will get it; "+
		"write \"exclude\": [\"10.77.0.2\"] in ipam, or end the range before it\n", text)
	require.NoError(t, os.Mkdir(filepath.Join(data, "n"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(data, "n", "10.77.0.2"), []byte("c1\r\neth0"), 0o600))
	_, text = verify()
	require.Contains(t, text, "a container will get it, and has it now: it is leased, of c1 (eth0)")
}
