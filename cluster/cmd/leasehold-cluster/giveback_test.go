package main

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/internal/cli"
)

// Who is about to evict a host is told what that has after a give-back, and will have again.
func TestGiveBackWarns(t *testing.T) {
	s, dir := etcdtest.Start(t), t.TempDir()
	conf := fmt.Sprintf(`{"cniVersion": "1.1.0", "name": "net", "ipam": {"type": "host-local", "backend": "bolt", "cluster": "dc1",
		"dataDir": %q, "subnet": "10.0.0.0/28", "reuseAfter": "1h", "reuseAfterStrict": true}}`, dir)
	run := func(socket string, args ...string) (stdout, stderr string) {
		t.Helper()
		var out, errs bytes.Buffer
		tool := tool{in: strings.NewReader(conf), out: &out, errs: &errs, socket: socket, getenv: func(name string) string {
			return map[string]string{"LEASEHOLD_CLUSTERS": dir}[name]
		}}
		require.Equal(t, cli.StatusOK, tool.run(t.Context(), args), errs.String())
		return out.String(), errs.String()
	}
	ahead := func(n int) {
		t.Helper()
		text := fmt.Sprintf(`{"endpoints": [%q], "host": "a", "ahead": %d}`, s.Endpoint, n)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "dc1.json"), []byte(text), 0o600))
	}
	ahead(1)
	socket := filepath.Join(dir, "socket")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	run(socket, "init", "net")
	run(socket, "claim", "net")

	const agent = "warning: an agent runs on this host, and may claim blocks again (\"ahead\": 1): before this host is evicted, " +
		"stop it with: systemctl stop leasehold-cluster\n"
	out, errs := run(socket, "give-back", "net")
	require.Equal(t, 2, strings.Count(out, "\n"), out)
	require.Equal(t, agent, errs)
	_, errs = run(socket, "give-back", "net", "--keep", "1")
	require.Empty(t, errs)
	ahead(0)
	_, errs = run(socket, "give-back", "net")
	require.Empty(t, errs, "it claims none ahead")
	ahead(1)
	require.NoError(t, l.Close())
	_, errs = run(socket, "give-back", "net")
	require.Empty(t, errs, "it does not run")

	out, _ = run(socket, "claim", "net")
	block, _, _ := strings.Cut(out, "\n")
	addr, _, _ := strings.Cut(block, "-")
	released := time.Now().Truncate(time.Second)
	require.NoError(t, bolt.Open(filepath.Join(dir, "net")).Update(t.Context(), func(tx backend.Tx) error {
		return tx.(backend.CoolingTx).Cool(netip.MustParseAddr(addr), released)
	}))
	out, errs = run(socket, "give-back", "net")
	require.Equal(t, 1, strings.Count(out, "\n"), out)
	require.NotContains(t, out, block)
	require.Equal(t, fmt.Sprintf("warning: block %s is kept until %s, because \"reuseAfterStrict\" withholds addresses of it\n",
		block, released.Add(time.Hour).UTC().Format(time.RFC3339)), errs)
}
