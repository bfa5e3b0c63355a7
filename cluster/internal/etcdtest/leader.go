package etcdtest

import (
	"context"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// Leader returns the server that leads the others, once all follow it.
func Leader(t testing.TB, servers []*Server) *Server {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if s := leader(servers); s != nil {
			return s
		}
	}
	t.Fatal("the servers do not agree on a leader")
	return nil
}

// leader returns nil unless all servers name the same leader, which is one of them.
func leader(servers []*Server) (leader *Server) {
	named := map[uint64]bool{}
	for _, s := range servers {
		itself, leads, err := s.ids()
		if err != nil || leads == 0 {
			return nil
		}
		named[leads] = true
		if leads == itself {
			leader = s
		}
	}
	if len(named) != 1 {
		return nil
	}
	return leader
}

// ids returns the member ID of the server, and the one of its leader.
func (s *Server) ids() (itself, leader uint64, err error) {
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{s.Endpoint}, Logger: zap.NewNop()})
	if err != nil {
		return 0, 0, err
	}
	defer c.Close() // It only asked.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	status, err := c.Status(ctx, s.Endpoint)
	if err != nil {
		return 0, 0, err
	}
	return status.Header.MemberId, status.Leader, nil
}
