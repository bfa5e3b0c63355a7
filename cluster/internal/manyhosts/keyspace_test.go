package manyhosts

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
)

// A keyspace is etcd, as its own client sees it.
type keyspace struct{ *clientv3.Client }

func newKeyspace(t *testing.T, s *etcdtest.Server) keyspace {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{s.Endpoint}, Logger: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return keyspace{c}
}

func (k keyspace) put(t *testing.T, key, value string) {
	t.Helper()
	_, err := k.Put(t.Context(), key, value)
	require.NoError(t, err)
}

// copy copies all keys below a prefix to another.
func (k keyspace) copy(t *testing.T, from, to string) {
	t.Helper()
	found, err := k.Get(t.Context(), from+"/", clientv3.WithPrefix())
	require.NoError(t, err)
	var puts []clientv3.Op
	for _, kv := range found.Kvs {
		puts = append(puts, clientv3.OpPut(to+strings.TrimPrefix(string(kv.Key), from), string(kv.Value)))
	}
	_, err = k.Txn(t.Context()).Then(puts...).Commit()
	require.NoError(t, err)
}
