package etcd_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/enginetest"
	"github.com/leasehold/leasehold/cluster/etcd"
	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
)

// open returns an engine that is closed with the test.
func open(t *testing.T, c etcd.Config) *etcd.Engine {
	t.Helper()
	e := etcd.New(c)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// client returns etcd's own client of a server.
func client(t *testing.T, s *etcdtest.Server) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{s.Endpoint}, Logger: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func put(key, value string) cluster.Txn {
	return cluster.Txn{Then: []cluster.Op{cluster.Put(key, []byte(value))}}
}

// within returns a context that ends by itself.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// soon is for calls that succeed.
func soon(t *testing.T) context.Context { return within(t, time.Minute) }

func TestEngine(t *testing.T) {
	servers := map[string][]*etcdtest.Server{"one member": etcdtest.StartAll(t, 1), "three members": etcdtest.StartAll(t, 3)}
	for name, all := range servers {
		t.Run(name, func(t *testing.T) {
			keys := client(t, all[0])
			enginetest.Run(t, func(t *testing.T) cluster.Engine {
				_, err := keys.Delete(t.Context(), "/test/", clientv3.WithPrefix())
				require.NoError(t, err)
				return open(t, etcd.Config{Endpoints: endpoints(all)})
			})
		})
	}
}

func endpoints(all []*etcdtest.Server) (urls []string) {
	for _, s := range all {
		urls = append(urls, s.Endpoint)
	}
	return urls
}

// Restored servers have the same ID, and a revision that their log does not account for, however
// the restore is done.
func TestOriginOfRestoredServers(t *testing.T) {
	s := etcdtest.Start(t)
	e := open(t, etcd.Config{Endpoints: []string{s.Endpoint}})
	for range 40 {
		_, err := e.Commit(soon(t), put("/test/a", "1"))
		require.NoError(t, err)
	}
	before, err := e.Origin(soon(t))
	require.NoError(t, err)
	require.LessOrEqual(t, before.Offset, int64(0))
	snapshot := s.Snapshot()

	s.Restore(snapshot)
	restored := originOf(t, s)
	require.Equal(t, before.Cluster, restored.Cluster)
	require.Greater(t, restored.Offset, int64(20))

	s.Restore(snapshot, "--bump-revision", "1000000", "--mark-compacted")
	bumped := originOf(t, s)
	require.Equal(t, before.Cluster, bumped.Cluster)
	require.Greater(t, bumped.Offset, int64(1000000))

	s.Restore(snapshot, "--initial-cluster-token", "another")
	require.NotEqual(t, before.Cluster, originOf(t, s).Cluster)
}

func originOf(t *testing.T, s *etcdtest.Server) cluster.Origin {
	t.Helper()
	o, err := open(t, etcd.Config{Endpoints: []string{s.Endpoint}}).Origin(soon(t))
	require.NoError(t, err)
	return o
}

// A server that does not answer may have done what it was asked for.
func TestServerThatIsSilent(t *testing.T) {
	s := etcdtest.Start(t)
	e := open(t, etcd.Config{Endpoints: []string{s.Endpoint}})
	_, err := e.Commit(soon(t), put("/test/a", "before"))
	require.NoError(t, err)

	s.Stop()
	began := time.Now()
	_, err = e.Commit(within(t, 500*time.Millisecond), put("/test/a", "after"))
	require.ErrorIs(t, err, cluster.ErrUnknown)
	require.ErrorContains(t, err, "etcd at "+s.Endpoint)
	_, err = e.Origin(within(t, 500*time.Millisecond))
	require.ErrorIs(t, err, cluster.ErrUnknown)
	require.Less(t, time.Since(began), 20*time.Second)
	s.Continue()
	succeeds(t, e)
}

// If only the answer is lost, the request is done, and once.
func TestLostAnswer(t *testing.T) {
	s := etcdtest.Start(t)
	var deaf atomic.Bool // the client hears nothing
	e := open(t, etcd.Config{Endpoints: []string{"http://" + relay(t, s.Addr, &deaf)}})
	out, err := e.Commit(soon(t), put("/test/a", "before"))
	require.NoError(t, err)
	deaf.Store(true)
	_, err = e.Commit(within(t, 500*time.Millisecond), put("/test/a", "after"))
	require.ErrorIs(t, err, cluster.ErrUnknown)
	deaf.Store(false)
	found, err := open(t, etcd.Config{Endpoints: []string{s.Endpoint}}).Range(soon(t), "/test/a", "/test/b", false)
	require.NoError(t, err)
	require.Equal(t, []cluster.Entry{{Key: "/test/a", Value: []byte("after"), Revision: out.Revision + 1}}, found)
	succeeds(t, e)
}

// relay relays connections to a server, and drops its answers while deaf is set. It returns its address.
func relay(t *testing.T, to string, deaf *atomic.Bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() }) // Nothing is kept in it.
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // The test is over.
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				client.Close() // As if the server were gone.
				continue
			}
			go forward(server, client, new(atomic.Bool))
			go forward(client, server, deaf)
		}
	}()
	return l.Addr().String()
}

// forward copies what comes, unless drop is set, and closes both connections in the end.
func forward(to, from net.Conn, drop *atomic.Bool) {
	defer to.Close() // Either end may be gone.
	defer from.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if drop.Load() {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// A server that is gone is replaced by another member, and the connection is made again when it is
// back.
func TestServersThatAreGone(t *testing.T) {
	all := etcdtest.StartAll(t, 3)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // It accepts connections, and says nothing.
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, silent.Close()) })
	urls := append(endpoints(all), "http://127.0.0.1:1", "http://"+silent.Addr().String())

	for range 5 { // They are asked in random order.
		e := open(t, etcd.Config{Endpoints: urls})
		_, err := e.Commit(soon(t), put("/test/a", "1"))
		require.NoError(t, err)
	}
	e := open(t, etcd.Config{Endpoints: urls})
	for _, s := range all {
		s.Kill()
		succeeds(t, e)
		s.Start()
	}
	for _, s := range all {
		s.Kill()
	}
	_, err = e.Commit(within(t, 2*time.Second), put("/test/a", "1"))
	require.ErrorIs(t, err, cluster.ErrUnknown)
	for _, s := range all {
		s.Start()
	}
	succeeds(t, e)
}

// succeeds waits until the servers take a request again.
func succeeds(t *testing.T, e *etcd.Engine) {
	t.Helper()
	var err error
	require.Eventually(t, func() bool {
		_, err = e.Commit(within(t, 5*time.Second), put("/test/a", "1"))
		return err == nil
	}, time.Minute, 50*time.Millisecond, "%v", err)
}

func TestClosed(t *testing.T) {
	s := etcdtest.Start(t)
	e := etcd.New(etcd.Config{Endpoints: []string{s.Endpoint}})
	_, err := e.Commit(soon(t), put("/test/a", "1"))
	require.NoError(t, err)
	require.NoError(t, e.Close())
	require.NoError(t, e.Close(), "again")
	_, err = etcd.New(etcd.Config{}).Origin(soon(t))
	require.ErrorContains(t, err, "no endpoint")
}

// What the servers reject is not unknown.
func TestRejected(t *testing.T) {
	s := etcdtest.Start(t, "--max-txn-ops", "16")
	e := open(t, etcd.Config{Endpoints: []string{s.Endpoint}})
	var many cluster.Txn
	for range 17 {
		many.Then = append(many.Then, cluster.Get("/test/a"))
	}
	rejected(t, e, many, "too many operations", "--max-txn-ops=128")
	rejected(t, e, cluster.Txn{Then: []cluster.Op{cluster.Put("/test/a", nil), cluster.Put("/test/a", nil)}}, "duplicate key")
}

// rejected has the engine do t, and wants an error that says it was not done.
func rejected(t *testing.T, e *etcd.Engine, txn cluster.Txn, words ...string) {
	t.Helper()
	_, err := e.Commit(soon(t), txn)
	require.Error(t, err)
	require.NotErrorIs(t, err, cluster.ErrUnknown)
	require.ErrorIs(t, err, cluster.ErrRejected)
	for _, w := range words {
		require.ErrorContains(t, err, w)
	}
}

// Full servers say so, and what to do; they still answer, and delete.
func TestFullServers(t *testing.T) {
	s := etcdtest.Start(t, "--quota-backend-bytes", "2000000")
	e := open(t, etcd.Config{Endpoints: []string{s.Endpoint}})
	large := put("/test/a", string(make([]byte, 300_000)))
	err := failsInTheEnd(t, e, large)
	require.ErrorContains(t, err, "etcdctl alarm disarm")
	require.ErrorIs(t, err, cluster.ErrUnknown, "it can have been done all the same")
	require.ErrorIs(t, err, cluster.ErrNotNow)
	_, err = e.Origin(soon(t))
	require.NoError(t, err)
	failsInTheEnd(t, e, put("/test/b", "")) // The alarm comes a moment later.
	_, err = e.Commit(soon(t), cluster.Txn{Then: []cluster.Op{cluster.Delete("/test/a")}})
	require.NoError(t, err)
}

// failsInTheEnd has the engine do a request until there is no space.
func failsInTheEnd(t *testing.T, e *etcd.Engine, txn cluster.Txn) (err error) {
	t.Helper()
	for end := time.Now().Add(time.Minute); err == nil && time.Now().Before(end); {
		_, err = e.Commit(soon(t), txn)
	}
	require.ErrorContains(t, err, "database space exceeded")
	return err
}

// A noRaft is a server that speaks the protocol of etcd and has no log.
type noRaft struct {
	pb.UnimplementedMaintenanceServer
}

func (noRaft) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	return &pb.StatusResponse{Header: &pb.ResponseHeader{ClusterId: 1, Revision: 7}, Leader: 1, DbSize: 4096}, nil
}

func TestServersWithoutRaft(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	pb.RegisterMaintenanceServer(server, noRaft{})
	go server.Serve(l) // It ends when the test stops it.
	t.Cleanup(server.Stop)
	rejected(t, open(t, etcd.Config{Endpoints: []string{"http://" + l.Addr().String()}}), put("/test/a", "1"), "it is not etcd")
}
