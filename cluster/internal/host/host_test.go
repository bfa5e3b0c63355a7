package host_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/etcd"
	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/cluster/internal/host"
	"github.com/leasehold/leasehold/internal/hostlocal"
)

// A machine is what differs between hosts: the settings and the data directory.
type machine struct {
	t              *testing.T
	name           string
	data, settings string
}

func newMachine(t *testing.T, s *etcdtest.Server, name, more string) machine {
	t.Helper()
	m := machine{t, name, t.TempDir(), t.TempDir()}
	text := fmt.Sprintf(`{"endpoints": [%q], "host": %q %s}`, s.Endpoint, name, more)
	require.NoError(t, os.WriteFile(filepath.Join(m.settings, "dc1.json"), []byte(text), 0o600))
	return m
}

// conf returns the configuration of the network net, of /28.
func (m machine) conf(more string) string {
	return fmt.Sprintf(`{"cniVersion": "1.1.0", "name": "net", "ipam": {"type": "host-local", "backend": "bolt", "cluster": "dc1",
		"dataDir": %q, "subnet": "10.0.0.0/28", "rangeStart": "10.0.0.0", "rangeEnd": "10.0.0.15", "gateway": "none" %s}}`, m.data, more)
}

func (m machine) open(args string) *host.Host {
	m.t.Helper()
	h, err := host.Open([]byte(m.conf("")), args, m.settings)
	require.NoError(m.t, err)
	m.t.Cleanup(func() { require.NoError(m.t, h.Close()) })
	return h
}

func (m machine) store() *bolt.Store { return bolt.Open(filepath.Join(m.data, "net")) }

func (m machine) blocks() (blocks []backend.Block) {
	m.t.Helper()
	require.NoError(m.t, m.store().View(m.t.Context(), func(tx backend.ReadTx) (err error) {
		blocks, err = backend.Blocks(tx)
		return err
	}))
	return blocks
}

// lease leases the first n addresses of all blocks that are free.
func (m machine) lease(n int) {
	m.t.Helper()
	require.NoError(m.t, m.store().Update(m.t.Context(), func(tx backend.Tx) error {
		for i := range n {
			addr, err := tx.NextFree(netip.MustParseAddr("10.0.0.0"), netip.MustParseAddr("10.0.0.15"))
			if err != nil {
				return err
			}
			if err := tx.Put(backend.Lease{Addr: addr, Owner: backend.Owner{ContainerID: fmt.Sprint("c", i)}}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// newSpace starts servers with the space net, in blocks of four.
func newSpace(t *testing.T) *etcdtest.Server {
	t.Helper()
	s := etcdtest.Start(t)
	_, err := newMachine(t, s, "operator", "").open("").Init(t.Context(), 4, false)
	require.NoError(t, err)
	return s
}

func TestClaim(t *testing.T) {
	s := newSpace(t)
	a, b := newMachine(t, s, "a", ""), newMachine(t, s, "b", `, "ahead": 0`)
	claim := func(m machine, want int) {
		t.Helper()
		got, err := m.open("").Claim(t.Context())
		require.NoError(t, err)
		require.Len(t, got, want)
	}
	claim(a, 1)
	claim(a, 0) // It has free addresses.
	a.lease(4)
	claim(a, 2) // One, and one ahead.
	claim(b, 1)
	b.lease(4)
	_, err := b.open("").Claim(t.Context())
	require.ErrorIs(t, err, cluster.ErrNoBlocks)
	require.ErrorContains(t, err, "(4 blocks: a 3, b 1)")
	require.Equal(t, hostlocal.CodeExhausted, host.AnswerTo(err, "net").Code)

	given, err := a.open("").GiveBack(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, given, 2)
	require.Len(t, a.blocks(), 1)
	claim(b, 1)
}

func TestRequestedAddress(t *testing.T) {
	s := newSpace(t)
	a, b := newMachine(t, s, "a", ""), newMachine(t, s, "b", "")
	got, err := a.open("IP=10.0.0.9").Claim(t.Context())
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, "10.0.0.8-10.0.0.11", got[0].String())
	got, err = a.open("IP=10.0.0.10").Claim(t.Context())
	require.NoError(t, err)
	require.Empty(t, got)

	_, err = b.open("IP=10.0.0.10").Claim(t.Context())
	require.ErrorContains(t, err, "requested IP address 10.0.0.10 is not available: host a holds the block that it is in")
	answer := host.AnswerTo(err, "net")
	require.Equal(t, hostlocal.CodeTaken, answer.Code)
	require.Contains(t, answer.Details, "on a, leasehold who 10.0.0.10")
}

// Of many processes that run out at once, few ask, and all can be served.
func TestCrowd(t *testing.T) {
	s := newSpace(t)
	a := newMachine(t, s, "a", "")
	got, err := a.open("").Claim(t.Context())
	require.NoError(t, err)
	require.Len(t, got, 1)
	a.lease(4)
	var all sync.WaitGroup
	errs, n := make([]error, 12), make([]int, 12)
	for i := range errs {
		h := a.open("")
		all.Go(func() {
			blocks, err := h.Claim(t.Context())
			errs[i], n[i] = err, len(blocks)
		})
	}
	all.Wait()
	asked := 0
	for i := range errs {
		require.NoError(t, errs[i])
		if n[i] > 0 {
			asked++
		}
	}
	require.Equal(t, 1, asked, "the others found free addresses when it was their turn")
}

func TestMembership(t *testing.T) {
	s := newSpace(t)
	a := newMachine(t, s, "a", "")
	require.NoError(t, a.open("").Attest(t.Context()))
	require.NoError(t, a.open("").Attest(t.Context()))

	answer := func(m machine, more string) host.Answer {
		t.Helper()
		h, err := host.Open([]byte(m.conf(more)), "", m.settings)
		if err == nil {
			_, err = h.Claim(t.Context())
			require.NoError(t, h.Close())
		}
		require.Error(t, err)
		return host.AnswerTo(err, "net")
	}
	again := newMachine(t, s, "a", "")
	require.Equal(t, hostlocal.CodeNotMember, answer(again, "").Code, "its name is taken")
	require.Equal(t, hostlocal.CodeNotMember, answer(again, `, "space": "other"`).Code, "there is no such space")
	require.Equal(t, hostlocal.CodeNotMember, answer(a, `, "space": "other"`).Code, "the store is a member of another")
	require.Equal(t, hostlocal.CodeConfig, answer(a, `, "cluster": "dc2"`).Code, "there is no such file")

	used := newMachine(t, s, "used", "")
	require.NoError(t, used.store().Update(t.Context(), func(tx backend.Tx) error {
		return tx.Put(backend.Lease{Addr: netip.MustParseAddr("10.0.0.5"), Owner: backend.Owner{ContainerID: "c"}})
	}))
	in := answer(used, "")
	require.Equal(t, hostlocal.CodeNotMember, in.Code)
	require.Contains(t, in.Msg, "10.0.0.5")
}

// While the servers are away, a claim fails in time, and the processes that waited for it do not
// wait as long again, one after the other.
func TestServersAway(t *testing.T) {
	s := newSpace(t)
	a := newMachine(t, s, "a", `, "timeout": "3s"`)
	require.NoError(t, a.open("").Attest(t.Context()))
	s.Stop()
	began := time.Now()
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		h := a.open("")
		all.Go(func() { _, errs[i] = h.Claim(t.Context()) })
	}
	all.Wait()
	require.Less(t, time.Since(began), 3*3*time.Second, "one of them waits, or two if they came late")
	for _, err := range errs {
		require.ErrorIs(t, err, cluster.ErrUnknown)
		require.Equal(t, hostlocal.CodeTryAgain, host.AnswerTo(err, "net").Code)
	}
	s.Continue()
	_, err := a.open("").Claim(t.Context())
	require.NoError(t, err)
	require.Len(t, a.blocks(), 1)
}

// A member of the servers that is killed keeps no host from claiming.
func TestMemberKilled(t *testing.T) {
	all := etcdtest.StartAll(t, 3)
	a := newMachine(t, all[0], "a", "")
	var urls []string
	for _, s := range all {
		urls = append(urls, fmt.Sprintf("%q", s.Endpoint))
	}
	text := fmt.Sprintf(`{"endpoints": [%s, %s, %s], "host": "a"}`, urls[0], urls[1], urls[2])
	require.NoError(t, os.WriteFile(filepath.Join(a.settings, "dc1.json"), []byte(text), 0o600))
	_, err := a.open("").Init(t.Context(), 4, false)
	require.NoError(t, err)
	for _, s := range all {
		s.Kill()
		_, err := a.open("").Claim(t.Context())
		require.NoError(t, err)
		a.lease(4)
		s.Start()
	}
	require.NotEmpty(t, a.blocks())
}

// A space that is halted can be used with what a host has in hand.
func TestHalted(t *testing.T) {
	s := newSpace(t)
	a := newMachine(t, s, "a", "")
	require.NoError(t, a.open("").Attest(t.Context()))
	e := etcd.New(etcd.Config{Endpoints: []string{s.Endpoint}})
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	_, err := e.Commit(context.Background(), cluster.Txn{Then: []cluster.Op{
		cluster.Put("/leasehold/1/net/halt", []byte(`{"V":1,"By":"b","Text":"a test"}`)),
	}})
	require.NoError(t, err)
	_, err = a.open("").Claim(t.Context())
	require.ErrorIs(t, err, cluster.ErrHalted)
	require.Equal(t, hostlocal.CodeTryAgain, host.AnswerTo(err, "net").Code)
}
