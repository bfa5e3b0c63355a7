package etcd_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/etcd"
	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
)

// requireUsers has a server require users. There is root, host, which may read and write what begins
// with /test/, and other, which may not.
func requireUsers(t *testing.T, c *clientv3.Client) {
	t.Helper()
	ctx := soon(t)
	for _, role := range []string{"root", "hosts", "others"} {
		_, err := c.RoleAdd(ctx, role)
		require.NoError(t, err)
	}
	for role, prefix := range map[string]string{"hosts": "/test/", "others": "/other/"} {
		_, err := c.RoleGrantPermission(ctx, role, prefix, clientv3.GetPrefixRangeEnd(prefix), clientv3.PermissionType(clientv3.PermReadWrite))
		require.NoError(t, err)
	}
	for user, role := range map[string]string{"root": "root", "host": "hosts", "other": "others"} {
		_, err := c.UserAdd(ctx, user, "secret")
		require.NoError(t, err)
		_, err = c.UserGrantRole(ctx, user, role)
		require.NoError(t, err)
	}
	_, err := c.AuthEnable(ctx)
	require.NoError(t, err)
}

// works makes each kind of call once.
func works(t *testing.T, e *etcd.Engine) {
	t.Helper()
	_, err := e.Commit(soon(t), put("/test/a", "1"))
	require.NoError(t, err)
	_, err = e.Range(soon(t), "/test/", "/test0", true)
	require.NoError(t, err)
	_, err = e.Origin(soon(t))
	require.NoError(t, err)
}

func TestPassword(t *testing.T) {
	s := etcdtest.Start(t, "--bcrypt-cost", "4", "--auth-token-ttl", "1")
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{s.Endpoint}, Logger: zap.NewNop()})
	require.NoError(t, err)
	requireUsers(t, c)
	require.NoError(t, c.Close())
	as := func(user, password string) *etcd.Engine {
		return open(t, etcd.Config{Endpoints: []string{s.Endpoint}, Username: user, Password: password, Prefix: "/test"})
	}
	e := as("host", "secret")
	works(t, e)
	time.Sleep(2500 * time.Millisecond) // The token expires.
	works(t, e)
	rejected(t, e, put("/other/a", "1"), `permission denied: user "host" needs a role`,
		"role grant-permission ROLE --prefix=true readwrite /test/, and etcdctl user grant-role host ROLE")
	rejected(t, as("other", "secret"), put("/test/a", "1"), "permission denied")
	rejected(t, as("host", "wrong"), put("/test/a", "1"), `authentication failed, invalid user ID or password: etcd does not know user "host"`, "passwordFile")
	rejected(t, as("unknown", "secret"), put("/test/a", "1"), "authentication failed")
	rejected(t, as("", ""), put("/test/a", "1"), "the servers require a user")
}

func TestCertificates(t *testing.T) {
	ca, other := etcdtest.NewCA(t), etcdtest.NewCA(t)
	later := time.Now().Add(time.Hour)
	s := etcdtest.StartTLS(t, ca)
	with := func(trusted, of *etcdtest.CA, name string, notAfter time.Time) etcd.Config {
		cert, key := of.Issue(name, notAfter)
		pair, err := tls.LoadX509KeyPair(cert, key)
		require.NoError(t, err)
		text, err := os.ReadFile(trusted.Path)
		require.NoError(t, err)
		roots := x509.NewCertPool()
		require.True(t, roots.AppendCertsFromPEM(text))
		return etcd.Config{Endpoints: []string{s.Endpoint}, TLS: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}}
	}
	root := with(ca, ca, "root", later)
	c, err := clientv3.New(clientv3.Config{Endpoints: root.Endpoints, TLS: root.TLS, Logger: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	requireUsers(t, c)

	works(t, open(t, with(ca, ca, "host", later)))
	rejected(t, open(t, with(ca, ca, "other", later)), put("/test/a", "1"), "permission denied")
	rejected(t, open(t, with(ca, ca, "unknown", later)), put("/test/a", "1"), `permission denied: user "unknown", the common name of the certificate, needs`)

	rejected(t, open(t, with(ca, ca, "host", time.Now().Add(-time.Minute))), put("/test/a", "1"), "CN=host is valid from", "renew it")

	// A connection that cannot be made is not told from one that is lost, and often the server's
	// reason does not arrive.
	fails := func(c etcd.Config, words string) {
		_, err := open(t, c).Commit(within(t, 5*time.Second), put("/test/a", "1"))
		require.ErrorIs(t, err, cluster.ErrUnknown)
		require.ErrorContains(t, err, words)
	}
	fails(with(other, ca, "host", later), "unknown authority")
	fails(with(ca, other, "host", later), s.Endpoint)
	plain := with(ca, ca, "host", later)
	plain.Endpoints, plain.TLS = []string{"http://" + s.Addr}, nil
	fails(plain, plain.Endpoints[0])
}
