package manyhosts

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/hostlocal"
)

// fill leases what a host has in hand, and returns its addresses by container. Then an ADD fails with a code.
func (h *host) fill(name string, want uint) map[string]netip.Addr {
	h.t.Helper()
	addrs := make(map[string]netip.Addr)
	for i := 0; ; i++ {
		id := fmt.Sprint(name, "-", i)
		addr, err := h.add(id)
		if err != nil {
			require.Equal(h.t, want, code(h.t, err), "%v", err)
			return addrs
		}
		addrs[id] = addr
	}
}

// Each server loses its disk in turn, and a new one takes its place. The hosts do not take that for a
// restore, also if the new one answers them that knows least.
func TestServersThatLoseTheirDisks(t *testing.T) {
	seed := faulttest.Seed(t)
	servers := etcdtest.StartAll(t, 3)
	w := newWorld(t, 3, servers...)
	for i, s := range servers {
		keys := newKeyspace(t, servers[(i+1)%3])
		w.meanwhile(seed+uint64(i), func() {
			s.Kill()
			members, err := keys.MemberList(t.Context())
			require.NoError(t, err)
			lost := slices.IndexFunc(members.Members, func(m *pb.Member) bool { return m.Name == fmt.Sprint("m", i) })
			_, err = keys.MemberRemove(t.Context(), members.Members[lost].ID)
			require.NoError(t, err)
			// etcd adds no member for some seconds after a member has gone, unless all others are connected.
			require.Eventually(t, func() bool {
				_, err = keys.MemberAdd(t.Context(), members.Members[lost].PeerURLs)
				return err == nil
			}, time.Minute, 50*time.Millisecond, "%v", err)
			s.StartNew()
		}, hostlocal.CodeExhausted, hostlocal.CodeTryAgain)
		for _, h := range w.hosts {
			h.configure(fmt.Sprintf(`"endpoints": [%q], "timeout": "20s"`, s.Endpoint))
			_, stderr, status := h.says("give-back", "net")
			require.Zero(t, status, stderr)
			addr, err := h.add("afterwards")
			require.NoError(t, err)
			require.NoError(t, h.del("afterwards", addr))
			h.does("", "verify", "net")
			h.does("", "verify", "net", "--local")
			h.configure(fmt.Sprintf(`"endpoints": [%q, %q, %q], "timeout": "20s"`, servers[0].Endpoint, servers[1].Endpoint, servers[2].Endpoint))
		}
	}
	w.nothingTwice()
}

// Servers whose space is exceeded grant nothing more. Hosts go on with what they have in hand, and
// continue when there is space, whatever became of what they had asked for.
func TestFullServers(t *testing.T) {
	s := etcdtest.Start(t, "--quota-backend-bytes", "2000000")
	w, keys := newWorld(t, 2, s), newKeyspace(t, s)
	for _, h := range w.hosts {
		h.starts("stays", "10.0.0."+map[string]string{"host0": "9", "host1": "33"}[h.name])
	}
	require.Eventually(t, func() bool {
		_, err := keys.Put(t.Context(), "/other", string(make([]byte, 300_000)))
		return err != nil
	}, time.Minute, time.Millisecond)
	for _, h := range w.hosts {
		h.configure(fmt.Sprintf(`"endpoints": [%q], "timeout": "2s"`, s.Endpoint))
		for id, addr := range h.fill("full", hostlocal.CodeTryAgain) {
			require.NoError(t, h.del(id, addr))
		}
	}
	w.nothingTwice()

	last, err := keys.Get(t.Context(), "/other")
	require.NoError(t, err)
	_, err = keys.Compact(t.Context(), last.Header.Revision, clientv3.WithCompactPhysical())
	require.NoError(t, err)
	_, err = keys.Defragment(t.Context(), s.Endpoint)
	require.NoError(t, err)
	_, err = keys.AlarmDisarm(t.Context(), new(clientv3.AlarmMember))
	require.NoError(t, err)
	for _, h := range w.hosts {
		h.configure(fmt.Sprintf(`"endpoints": [%q], "timeout": "20s"`, s.Endpoint))
		_, err := h.add("afterwards")
		require.NoError(t, err)
		h.does("", "attest", "net")
		h.does("", "verify", "net", "--local")
	}
	w.hosts[0].does("", "verify", "net")
	w.nothingTwice()
	w.list()
}

// The certificate of a host expires, and is renewed. Until then it leases what it has in hand.
func TestExpiredCertificate(t *testing.T) {
	ca := etcdtest.NewCA(t)
	s := etcdtest.StartTLS(t, ca)
	w := newHosts(t, 1)
	h := w.hosts[0]
	with := func(notAfter time.Time) {
		cert, key := ca.Issue(h.name, notAfter)
		h.configure(fmt.Sprintf(`"endpoints": [%q], "ca": %q, "cert": %q, "key": %q, "timeout": "20s"`, s.Endpoint, ca.Path, cert, key))
	}
	with(time.Now().Add(time.Hour))
	h.does("space net: 10.0.0.1-10.0.0.62; blocks of 4 IPv4\n", "init", "net", "--block-size", "4")
	h.starts("stays", "10.0.0.9")
	with(time.Now().Add(-time.Minute))
	var last error
	before := len(w.used)
	for i := 0; last == nil; i++ {
		_, last = h.add(fmt.Sprint("expired-", i))
	}
	require.ErrorContains(t, last, "CN=host0 is valid from")
	require.ErrorContains(t, last, "renew it")
	require.Greater(t, len(w.used), before)
	with(time.Now().Add(time.Hour))
	_, err := h.add("renewed")
	require.NoError(t, err)
	w.nothingTwice()
	h.does("", "verify", "net", "--local")
}
