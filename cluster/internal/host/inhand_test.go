package host_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/internal/host"
	"github.com/leasehold/leasehold/internal/hostlocal"
)

// Only a host that can lease without the servers is told that it can.
func TestInHand(t *testing.T) {
	s := newSpace(t)
	const quick = `, "timeout": "1s"`
	holds, empty, none, booted := newMachine(t, s, "holds", quick), newMachine(t, s, "empty", quick), newMachine(t, s, "none", quick), newMachine(t, s, "booted", quick)
	for _, m := range []machine{holds, booted} {
		_, err := m.open("").Claim(t.Context())
		require.NoError(t, err)
	}
	require.NoError(t, empty.open("").Attest(t.Context()))
	boots(booted)
	check := func(err error, can bool, m machine) {
		t.Helper()
		require.Error(t, err)
		answer := host.AnswerTo(err, "net")
		require.Equal(t, hostlocal.CodeTryAgain, answer.Code, err)
		const text = "; until then, addresses that this host holds can be leased and released"
		if can {
			require.Contains(t, answer.Details, text)
		} else {
			require.NotContains(t, answer.Msg+answer.Details, text[2:], m.name)
		}
	}
	everywhere := func() {
		t.Helper()
		for _, m := range []machine{holds, empty, none, booted} {
			_, err := m.open("").Keep(t.Context())
			check(err, m.name == "holds", m)
		}
	}
	s.Stop()
	everywhere()
	for _, m := range []machine{holds, none} {
		check(m.open("").Operate(t.Context(), 0, func(ctx context.Context, o host.Operator) error {
			_, err := o.Hosts(ctx, o.Space)
			return err
		}), m.name == "holds", m)
	}
	s.Continue()
	halts(t, s)
	everywhere()
}

// What keeps a host from reporting in a recovery is what it is told to do something about.
func TestDisputeInARecovery(t *testing.T) {
	s := newSpace(t)
	halts(t, s)
	operator := newMachine(t, s, "operator", "").open("")
	require.NoError(t, operator.Operate(t.Context(), host.ManyRequests, func(ctx context.Context, o host.Operator) error {
		return o.Recover(ctx, o.Space)
	}))
	adopts := func(name string) error {
		m := newMachine(t, s, name, "")
		require.NoError(t, m.store().Update(t.Context(), func(tx backend.Tx) error {
			return tx.Put(backend.Lease{Addr: netip.MustParseAddr("10.0.0.5"), Owner: backend.Owner{ContainerID: name}})
		}))
		return m.open("").Adopt(t.Context())
	}
	require.NoError(t, adopts("a"))
	err := adopts("b")
	require.ErrorIs(t, err, cluster.ErrDisputed)
	answer := host.AnswerTo(err, "net")
	require.Equal(t, hostlocal.CodeTryAgain, answer.Code)
	require.Contains(t, answer.Details, "release the leases when their containers are gone")
	require.NotContains(t, answer.Details, "addresses that this host holds can")
}
