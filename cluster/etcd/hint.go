package etcd

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/leasehold/leasehold/cluster"
)

var _ cluster.Hinter = (*Engine)(nil)

// Hint implements [cluster.Hinter] with a lease of etcd, which lasts whole seconds.
func (e *Engine) Hint(ctx context.Context, key string, ttl time.Duration) error {
	_, err := do(ctx, e, func(ctx context.Context, m *member) (*clientv3.PutResponse, error) {
		lease, err := m.client.Grant(ctx, int64((ttl+time.Second-1)/time.Second))
		if err != nil {
			return nil, err
		}
		return m.client.Put(ctx, key, "", clientv3.WithLease(lease.ID))
	})
	return err
}
