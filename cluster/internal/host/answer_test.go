package host_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/etcd"
	"github.com/leasehold/leasehold/cluster/internal/host"
	"github.com/leasehold/leasehold/internal/hostlocal"
)

// A refusing server answers each write with an error.
type refusing struct {
	etcdserverpb.UnimplementedKVServer
	etcdserverpb.UnimplementedMaintenanceServer
	with       error
	withStatus error
}

func (r *refusing) Txn(context.Context, *etcdserverpb.TxnRequest) (*etcdserverpb.TxnResponse, error) {
	return nil, r.with
}

func (r *refusing) Status(context.Context, *etcdserverpb.StatusRequest) (*etcdserverpb.StatusResponse, error) {
	return &etcdserverpb.StatusResponse{
		Header: &etcdserverpb.ResponseHeader{ClusterId: 1, Revision: 7}, RaftIndex: 9, Leader: 1, DbSize: 4096,
	}, r.withStatus
}

// Whatever etcd answers has a code and a next step that fit.
func TestAnswersOfEtcd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var r refusing
	server := grpc.NewServer()
	etcdserverpb.RegisterKVServer(server, &r)
	etcdserverpb.RegisterMaintenanceServer(server, &r)
	go server.Serve(l) // It ends when the test stops it.
	t.Cleanup(server.Stop)
	e := etcd.New(etcd.Config{Endpoints: []string{"http://" + l.Addr().String()}, Prefix: "/leasehold"})
	t.Cleanup(func() { require.NoError(t, e.Close()) })

	const (
		correct = "correct it in the file of the cluster, or in etcd"
		reached = "etcd was reached; it may"
		unclear = "etcd was not reached, or could not do it"
	)
	type want struct {
		code    uint
		details string
	}
	check := func(with error, w want, words ...string) {
		t.Helper()
		r.with = with
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := e.Commit(ctx, cluster.Txn{Then: []cluster.Op{cluster.Put("/leasehold/a", nil)}})
		require.Error(t, err)
		a := host.AnswerTo(err, "net")
		require.Equal(t, w.code, a.Code, err)
		require.Contains(t, a.Details, w.details, err)
		require.NotContains(t, a.Details, "addresses that this host holds can", "whether it can is not known")
		for _, word := range words {
			require.Contains(t, a.Msg, word)
		}
	}
	config, later, away := want{hostlocal.CodeConfig, correct}, want{hostlocal.CodeTryAgain, reached}, want{hostlocal.CodeTryAgain, unclear}

	for code, w := range map[codes.Code]want{
		codes.Canceled: away, codes.Unknown: away, codes.InvalidArgument: config, codes.DeadlineExceeded: away, codes.NotFound: config,
		codes.AlreadyExists: config, codes.PermissionDenied: config, codes.ResourceExhausted: away, codes.FailedPrecondition: config,
		codes.Aborted: away, codes.OutOfRange: config, codes.Unimplemented: config, codes.Internal: away, codes.Unavailable: away,
		codes.DataLoss: away, codes.Unauthenticated: config,
	} {
		check(status.Error(code, "a test"), w, "a test")
	}
	for _, of := range []struct {
		with error
		want
		words string
	}{
		{rpctypes.ErrGRPCPermissionDenied, config, "etcdctl role grant-permission ROLE --prefix=true readwrite /leasehold/"},
		{rpctypes.ErrGRPCPermissionDenied, config, "docs/many-hosts.md says more under Security"},
		{rpctypes.ErrGRPCAuthFailed, config, "check username and passwordFile"},
		{rpctypes.ErrGRPCUserEmpty, config, "the servers require a user"},
		{rpctypes.ErrGRPCUserNotFound, config, ""},
		{rpctypes.ErrGRPCInvalidAuthToken, config, "the servers require a user"},
		{rpctypes.ErrGRPCAuthOldRevision, later, ""},
		{rpctypes.ErrGRPCTooManyOps, config, "--max-txn-ops=128"},
		{rpctypes.ErrGRPCRequestTooLarge, config, "--max-request-bytes"},
		{rpctypes.ErrGRPCNoSpace, later, "the servers were reached, and cannot do it now: etcdserver: mvcc: database space exceeded: compact"},
		{rpctypes.ErrGRPCCorrupt, later, "etcdctl alarm list"},
		{rpctypes.ErrGRPCRequestTooManyRequests, later, ""},
		{rpctypes.ErrGRPCNoLeader, later, ""},
		{rpctypes.ErrGRPCNotLeader, later, ""},
		{rpctypes.ErrGRPCLeaderChanged, later, ""},
		{rpctypes.ErrGRPCNotCapable, later, ""},
		{rpctypes.ErrGRPCStopped, later, ""},
		{rpctypes.ErrGRPCTimeout, later, ""},
		{rpctypes.ErrGRPCTimeoutDueToLeaderFail, later, ""},
		{rpctypes.ErrGRPCTimeoutDueToConnectionLost, later, ""},
		{rpctypes.ErrGRPCUnhealthy, later, ""},
	} {
		check(of.with, of.want, rpctypes.ErrorDesc(of.with), of.words)
	}
	require.NoError(t, e.Close()) // The next call asks for the status first.
	r.withStatus = rpctypes.ErrGRPCPermissionDenied
	check(nil, config, "permission denied: these servers tell their status to the role root only", "upgrade them",
		"etcdctl user grant-role USER root")
}

// An eviction that was interrupted is no change that came first, but something to be done.
func TestAnswerOfAnInterruptedEviction(t *testing.T) {
	a := host.AnswerTo(fmt.Errorf("%w: a", cluster.ErrInterrupted), "net")
	require.Equal(t, hostlocal.CodeNotMember, a.Code)
	require.Equal(t, "the eviction of the host that had this name was interrupted; evict it again: a", a.Msg)
	require.Equal(t, "run: leasehold cluster evict --fenced net HOST, and then the command again", a.Details)
}
