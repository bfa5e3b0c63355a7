package etcd

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/leasehold/leasehold/cluster"
)

// A Config says how to reach the servers.
type Config struct {
	// Endpoints are the members, at least one: https://host:2379, or http://host:2379 without
	// TLS.
	Endpoints []string

	// TLS has the certificates; nil if no endpoint is https.
	TLS *tls.Config

	// Username and Password, unless empty, name a user of etcd. With client certificates, the user
	// can be the common name of the certificate instead.
	Username, Password string

	// Prefix, unless empty, is how the keys begin that are asked for. It is only named in errors.
	Prefix string
}

// An Engine is a [cluster.Engine] on etcd. Make one with [New]. It is safe for concurrent use.
type Engine struct {
	cfg    Config
	member chan *member // the chosen one, or nil; the call that took it out chooses
}

var _ cluster.Engine = (*Engine)(nil)

// New returns an Engine. It does not connect before it is used.
func New(c Config) *Engine {
	e := &Engine{cfg: c, member: make(chan *member, 1)}
	e.member <- nil
	return e
}

// Close closes the connection. A call that is under way fails.
func (e *Engine) Close() error {
	m := <-e.member
	e.member <- nil
	if m == nil {
		return nil
	}
	return m.close()
}

// Commit implements [cluster.Engine].
func (e *Engine) Commit(ctx context.Context, t cluster.Txn) (cluster.Outcome, error) {
	return do(ctx, e, func(ctx context.Context, m *member) (cluster.Outcome, error) {
		ops := newTxn(t)
		resp, err := m.client.Txn(ctx).If(ops.conditions...).Then(ops.then...).Else(ops.otherwise...).Commit()
		if err != nil {
			return cluster.Outcome{}, err
		}
		out := outcome(t, (*pb.TxnResponse)(resp))
		out.Revision = resp.Header.Revision
		return out, nil
	})
}

// Range implements [cluster.Engine].
func (e *Engine) Range(ctx context.Context, from, to string, stale bool) ([]cluster.Entry, error) {
	return do(ctx, e, func(ctx context.Context, m *member) ([]cluster.Entry, error) {
		opts := []clientv3.OpOption{clientv3.WithRange(to)}
		if stale {
			opts = append(opts, clientv3.WithSerializable())
		}
		resp, err := m.client.Get(ctx, from, opts...)
		if err != nil {
			return nil, err
		}
		entries := make([]cluster.Entry, 0, len(resp.Kvs))
		for _, kv := range resp.Kvs {
			entries = append(entries, cluster.Entry{Key: string(kv.Key), Value: kv.Value, Revision: kv.ModRevision})
		}
		return entries, nil
	})
}

// Origin implements [cluster.Engine].
func (e *Engine) Origin(ctx context.Context) (cluster.Origin, error) {
	return do(ctx, e, func(ctx context.Context, m *member) (cluster.Origin, error) {
		s, err := m.status(ctx)
		if err != nil {
			return cluster.Origin{}, err
		}
		// The member reads the revision before the index, so a write in between does not
		// make the offset larger than it is.
		return cluster.Origin{Cluster: s.Header.ClusterId, Offset: s.Header.Revision - int64(s.RaftIndex)}, nil
	})
}

// do makes a call through the chosen member.
func do[T any](ctx context.Context, e *Engine, call func(context.Context, *member) (T, error)) (T, error) {
	var none T
	m, err := e.choose(ctx)
	if err != nil {
		return none, err
	}
	limited, cancel := limit(ctx)
	defer cancel()
	result, err := call(limited, m)
	if err != nil {
		if mayPass(ctx, err) {
			e.leave(m)
		}
		return none, fmt.Errorf("etcd at %s: %w", m.endpoint, e.cfg.explain(err))
	}
	return result, nil
}

// limit gives one call a third of the time that the caller has, but at least a second. A member forwards a
// write to the leader; if that has just died, the write is lost, and the member says so only after 7 s, by
// default. Another leader is elected within 2 s, so the caller has the time to ask what became of its write,
// and to make it again.
func limit(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, max(time.Until(end)/3, time.Second))
}
