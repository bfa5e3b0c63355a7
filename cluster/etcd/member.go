package etcd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// A member is one of the servers.
type member struct {
	endpoint    string
	client      *clientv3.Client
	maintenance pb.MaintenanceClient
	cancel      context.CancelFunc
}

// patience is how long a member that has not answered yet is waited for before the next one is
// asked too.
const patience = 250 * time.Millisecond

// Limits of the connection to a member. A call has the limit of its context besides; these are for a
// member that is gone without a word.
const (
	keepAliveTime    = 10 * time.Second
	keepAliveTimeout = 5 * time.Second
)

// choose returns the chosen member. If there is none, it is the first to answer: members are asked
// in random order, so that hosts choose different ones.
func (e *Engine) choose(ctx context.Context) (*member, error) {
	var m *member
	select {
	case m = <-e.member:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { e.member <- m }()
	if m != nil {
		return m, nil
	}
	var err error
	m, err = e.firstToAnswer(ctx)
	return m, err
}

// leave has the next call choose again, unless another call has done so already.
func (e *Engine) leave(m *member) {
	chosen := <-e.member
	if chosen == m {
		chosen = nil
		m.close() // What it was asked for has failed already.
	}
	e.member <- chosen
}

// An answer is what became of asking a member.
type answer struct {
	*member
	err error
}

func (e *Engine) firstToAnswer(ctx context.Context) (*member, error) {
	if len(e.cfg.Endpoints) == 0 {
		return nil, errors.New("no endpoint of etcd is configured")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer, len(e.cfg.Endpoints))
	order, asked := rand.Perm(len(e.cfg.Endpoints)), 0
	var failed all
	for {
		var next <-chan time.Time
		if asked < len(order) {
			endpoint := e.cfg.Endpoints[order[asked]]
			asked++
			go func() { answers <- e.ask(ctx, endpoint) }()
			next = time.After(patience)
		}
		select {
		case a := <-answers:
			if a.err == nil {
				go closeOthers(answers, asked-len(failed)-1)
				return a.member, nil
			}
			failed = append(failed, a.err)
			if len(failed) == len(order) {
				return nil, failed
			}
		case <-next:
		}
	}
}

// closeOthers closes what n members, which were slower, have answered.
func closeOthers(answers <-chan answer, n int) {
	for range n {
		if a := <-answers; a.err == nil {
			a.close() // Nothing was asked of it.
		}
	}
}

// ask connects to a member, and makes sure that it can be used.
func (e *Engine) ask(ctx context.Context, endpoint string) answer {
	m, err := e.connect(ctx, endpoint)
	if err == nil {
		if err = m.check(ctx); err != nil {
			m.close() // Nothing was asked of it.
		}
	}
	switch {
	case err == nil:
	case isRejection(err), isAnswer(err):
		err = e.cfg.explain(err)
	default:
		err = unreached{err}
	}
	if err != nil {
		err = fmt.Errorf("etcd at %s: %w", endpoint, err)
	}
	return answer{m, err}
}

// connect returns a member. With a password, it logs in.
func (e *Engine) connect(ctx context.Context, endpoint string) (*member, error) {
	if err := e.cfg.checkCertificates(time.Now()); err != nil {
		return nil, err
	}
	living, cancel := context.WithCancel(context.Background())
	defer context.AfterFunc(ctx, cancel)()
	m := &member{endpoint: endpoint, cancel: cancel}
	var err error
	m.client, err = clientv3.New(clientv3.Config{
		Endpoints:            []string{endpoint},
		TLS:                  e.cfg.TLS,
		Username:             e.cfg.Username,
		Password:             e.cfg.Password,
		Context:              living,
		DialKeepAliveTime:    keepAliveTime,
		DialKeepAliveTimeout: keepAliveTimeout,
		MaxUnaryRetries:      2, // One more, with a new token; then another member may be better.
		Logger:               zap.NewNop(),
	})
	if err != nil {
		cancel()
		return nil, errors.Join(ctx.Err(), err)
	}
	m.maintenance = pb.NewMaintenanceClient(m.client.ActiveConnection())
	return m, nil
}

func (m *member) close() error {
	m.cancel()
	return m.client.Close()
}

// status asks the member for its state, on the connection of all other calls.
func (m *member) status(ctx context.Context) (*pb.StatusResponse, error) {
	s, err := m.maintenance.Status(ctx, &pb.StatusRequest{})
	switch {
	case errors.Is(rpctypes.Error(err), rpctypes.ErrPermissionDenied):
		return nil, statusDenied{rpctypes.Error(err)}
	case err != nil:
		return nil, err
	case s.GetHeader() == nil, s.RaftIndex == 0, s.Header.ClusterId == 0:
		return nil, errNoRaft
	}
	return s, nil
}

// check returns an error unless the member can serve requests.
func (m *member) check(ctx context.Context) error {
	s, err := m.status(ctx)
	switch {
	case err != nil:
		return err
	case s.IsLearner:
		return errors.New("it is a learner, which serves no requests; promote it, or leave it out")
	case s.Leader == 0:
		return errors.New("it knows no leader: most of the servers are not reached from there")
	}
	return nil
}
