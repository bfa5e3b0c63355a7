package host_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/etcd"
	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/cluster/internal/host"
	"github.com/leasehold/leasehold/internal/boot"
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

// boots has the store look as it does after the machine was booted.
func boots(m machine) {
	m.t.Helper()
	require.NoError(m.t, m.store().Update(m.t.Context(), func(tx backend.Tx) error {
		now, err := tx.Membership()
		require.NoError(m.t, err)
		shared, err := backend.AsShared(tx)
		require.NoError(m.t, err)
		now.Attested = "an earlier boot"
		return shared.SetMembership(now)
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

// A network with more addresses than its space leases none of those.
func TestRangesOutsideOfTheSpace(t *testing.T) {
	s := newSpace(t)
	a := newMachine(t, s, "a", "")
	outside := func() *host.Host {
		text := strings.Replace(a.conf(""), `"10.0.0.15"`, `"10.0.0.30"`, 1)
		h, err := host.Open([]byte(strings.Replace(text, "/28", "/27", 1)), "", a.settings)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, h.Close()) })
		return h
	}
	rejected := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, cluster.ErrOutside)
		require.ErrorContains(t, err, "10.0.0.16 of range set 10.0.0.0-10.0.0.30 is not in the ranges of the space, which are [10.0.0.0-10.0.0.15]")
		answer := host.AnswerTo(err, "net")
		require.Equal(t, hostlocal.CodeConfig, answer.Code)
		require.Contains(t, answer.Details, "correct the ranges in the configuration")
	}
	_, err := outside().Claim(t.Context())
	rejected(err)
	rejected(outside().Attest(t.Context()))
	rejected(outside().Adopt(t.Context()))
	state, err := a.open("").State(t.Context())
	require.NoError(t, err)
	require.Zero(t, state.Membership, "it has not joined")

	require.NoError(t, a.open("").Attest(t.Context()))
	rejected(outside().Attest(t.Context()))
	_, err = outside().Claim(t.Context())
	rejected(err)
	_, err = outside().Keep(t.Context())
	rejected(err)
	_, err = a.open("").Claim(t.Context())
	require.NoError(t, err)
}

// What a host is told to do leads on.
func TestAdvice(t *testing.T) {
	s := newSpace(t)
	a := newMachine(t, s, "a", "")
	advice := func(err error, words ...string) {
		t.Helper()
		require.Error(t, err)
		answer := host.AnswerTo(err, "net")
		require.Equal(t, hostlocal.CodeNotMember, answer.Code, err)
		for _, w := range words {
			require.Contains(t, answer.Msg+"; "+answer.Details, w)
		}
	}
	const join = "to join the space, run: leasehold cluster attest net; with leases that this host has already: leasehold cluster adopt net"
	advice(a.open("").Rejoin(t.Context()), join)
	advice(a.open("").Drop(t.Context()), join)
	_, err := a.open("").GiveBack(t.Context(), 0)
	advice(err, join)
	_, err = a.open("").Differences(t.Context())
	advice(err, join)
	_, err = a.open("IP=10.0.0.5").Claim(t.Context())
	require.NoError(t, err)
	advice(a.open("").Rejoin(t.Context()), "this host is not stopped: it is host a of space net; it can go on; to leave the space, stop its agent, end its containers and start no others")
	advice(a.open("").Drop(t.Context()), "leasehold cluster evict --fenced net HOST")
	require.NoError(t, a.open("").Adopt(t.Context()), "it has nothing to adopt")

	// Another network of the same machine has a store of its own.
	h, err := host.Open([]byte(strings.Replace(a.conf(`, "space": "net"`), `"name": "net"`, `"name": "more"`, 1)), "", a.settings)
	require.NoError(t, err)
	advice(h.Attest(t.Context()), `network net of this host is in space net already; give this network another "space"`)
	require.NoError(t, h.Close())

	// So has one that was made again.
	advice(newMachine(t, s, "a", "").open("").Attest(t.Context()), "this machine is host a of the space already", "run: leasehold cluster rejoin --replace net")

	a.lease(1)
	require.NoError(t, a.open("").Operate(t.Context(), 0, func(ctx context.Context, o host.Operator) error {
		h, _, err := o.Find(ctx, "a")
		require.NoError(t, err)
		_, err = o.Evict(ctx, o.Space, h)
		return err
	}))
	boots(a)
	advice(a.open("").Attest(t.Context()), "it was evicted", "leasehold cluster rejoin --drop net", `a copy of another host first needs a name of its own, "host" in the file of the cluster`)
	advice(a.open("").Adopt(t.Context()), "leasehold cluster rejoin net")
	advice(a.open("").Drop(t.Context()), "the store has leases already: 10.0.0.4", "leasehold list net; when they are gone, run the command again")

	// The name in the settings counts.
	text, err := os.ReadFile(filepath.Join(a.settings, "dc1.json"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(a.settings, "dc1.json"), []byte(strings.Replace(string(text), `"a"`, `"copy"`, 1)), 0o600))
	require.NoError(t, a.open("").Rejoin(t.Context()))
	state, err := a.open("").State(t.Context())
	require.NoError(t, err)
	require.Equal(t, "copy", state.Membership.Host)
	require.True(t, state.Confirmed)
	_, err = newMachine(t, s, "operator", "").open("").Claim(t.Context())
	require.NoError(t, err)
	require.NoError(t, newMachine(t, s, "operator", "").open("").Operate(t.Context(), 0, func(ctx context.Context, o host.Operator) error {
		_, err := o.Reserve(ctx, o.Space, "operator", nil)
		advice(err, "choose another name with --as")
		return nil
	}))
}

// The configuration names another cluster by mistake, whose servers know nothing of this host.
func TestOtherCluster(t *testing.T) {
	s, other := newSpace(t), newSpace(t)
	a := newMachine(t, s, "a", "")
	got, err := a.open("").Claim(t.Context())
	require.NoError(t, err)
	text := fmt.Sprintf(`{"endpoints": [%q], "host": "a"}`, other.Endpoint)
	require.NoError(t, os.WriteFile(filepath.Join(a.settings, "dc2.json"), []byte(text), 0o600))
	h, err := host.Open([]byte(strings.Replace(a.conf(""), "dc1", "dc2", 1)), "", a.settings)
	require.NoError(t, err)
	defer h.Close() // It was only read.
	_, claimErr := h.Claim(t.Context())
	_, giveErr := h.GiveBack(t.Context(), 0)
	_, differErr := h.Differences(t.Context())
	_, keepErr := h.Keep(t.Context())
	for _, err := range []error{claimErr, giveErr, differErr, keepErr, h.Attest(t.Context()), h.Adopt(t.Context()), h.Rejoin(t.Context()), h.Drop(t.Context())} {
		require.ErrorIs(t, err, host.ErrOther)
	}
	require.NoError(t, a.open("").Attest(t.Context()))
	require.Equal(t, got, a.blocks())
}

// A member whose space the servers have lost is not told to make it, by which others would get what it
// holds.
func TestSpaceIsLost(t *testing.T) {
	s := newSpace(t)
	a := newMachine(t, s, "a", "")
	_, err := a.open("IP=10.0.0.5").Claim(t.Context())
	require.NoError(t, err)
	lost := newMachine(t, etcdtest.Start(t), "a", "")
	lost.data = a.data
	_, err = lost.open("IP=10.0.0.9").Claim(t.Context())
	require.ErrorIs(t, err, host.ErrLost)
	answer := host.AnswerTo(err, "net")
	require.Equal(t, hostlocal.CodeNotMember, answer.Code)
	require.Contains(t, answer.Details, "restore a backup of etcd, run: leasehold cluster attest net, which halts the space, and then: leasehold cluster recover net; without a backup, run: leasehold cluster init --adopt net, then on each host: leasehold cluster attest net, or on one that was booted since: leasehold cluster rejoin --drop net, and at the end: leasehold cluster recover --done net")
	_, err = lost.open("").Init(t.Context(), 4, false)
	require.ErrorIs(t, err, host.ErrLost)
	var size *host.SizeError
	_, err = lost.open("").Init(t.Context(), 8, true)
	require.ErrorAs(t, err, &size)
	require.ErrorContains(t, err, "choose --block-size 4, or leave that out")
	made, err := lost.open("").Init(t.Context(), 0, true)
	require.NoError(t, err)
	require.EqualValues(t, 4, made.Block4, "as the blocks of this host")
	_, err = lost.open("").Init(t.Context(), 4, false)
	require.ErrorIs(t, err, cluster.ErrExists, "it is there")

	// What the answer advises leads back to a space in which the host holds what it held.
	require.ErrorIs(t, lost.open("").Attest(t.Context()), cluster.ErrReported)
	require.NoError(t, lost.open("").Operate(t.Context(), host.ManyRequests, func(ctx context.Context, o host.Operator) error {
		return o.Recovered(ctx, o.Space)
	}))
	require.NoError(t, lost.open("").Attest(t.Context()))
	_, err = lost.open("IP=10.0.0.9").Claim(t.Context())
	require.NoError(t, err)
	require.Len(t, lost.blocks(), 2)
}

// A host that was evicted while it was switched off need not make an ADD that fails before it can begin
// again, nor release the leases of its last boot one by one.
func TestDropAfterABoot(t *testing.T) {
	s := newSpace(t)
	a := newMachine(t, s, "a", "")
	_, err := a.open("IP=10.0.0.5").Claim(t.Context())
	require.NoError(t, err)
	require.ErrorContains(t, a.open("").Drop(t.Context()), "is not stopped")
	lease := func(id, boot string) {
		require.NoError(t, a.store().Update(t.Context(), func(tx backend.Tx) error {
			addr, err := tx.NextFree(netip.MustParseAddr("10.0.0.0"), netip.MustParseAddr("10.0.0.15"))
			require.NoError(t, err)
			return tx.Put(backend.Lease{Addr: addr, Owner: backend.Owner{ContainerID: id}, Boot: boot, Since: time.Unix(1_600_000_000, 0).UTC()})
		}))
	}
	lease("old", "an earlier boot")
	lease("new", boot.Current().ID)
	require.NoError(t, newMachine(t, s, "operator", "").open("").Operate(t.Context(), 0, func(ctx context.Context, o host.Operator) error {
		h, _, err := o.Find(ctx, "a")
		require.NoError(t, err)
		_, err = o.Evict(ctx, o.Space, h)
		return err
	}))
	require.ErrorIs(t, a.open("").Drop(t.Context()), cluster.ErrInUse, "a container runs")
	_, err = allocator.Release(t.Context(), a.store(), backend.Owner{ContainerID: "new"})
	require.NoError(t, err)
	require.NoError(t, a.open("").Drop(t.Context()))
	require.Empty(t, a.blocks())
	require.NoError(t, a.open("").Attest(t.Context()))
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
	require.Less(t, time.Since(began), 5*3*time.Second, "one of them waits, or two if they came late, instead of eight")
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
	all, a := newServers(t)
	for _, s := range all {
		s.Kill()
		_, err := a.open("").Claim(t.Context())
		require.NoError(t, err)
		a.lease(4)
		s.Start()
	}
	require.NotEmpty(t, a.blocks())
}

// What a member forwards to a leader that does not answer any more is lost, and the member waits longer
// for it than a claim has time.
func TestLeaderStopped(t *testing.T) {
	all, a := newServers(t)
	h := a.open("")
	_, err := h.Claim(t.Context())
	require.NoError(t, err)
	a.lease(4)
	etcdtest.Leader(t, all).Stop()
	_, err = h.Claim(t.Context()) // By the member that it has chosen before.
	require.NoError(t, err)
}

// newServers starts three servers, and returns a host that knows them, with a space.
func newServers(t *testing.T) ([]*etcdtest.Server, machine) {
	t.Helper()
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
	return all, a
}

// A space that is halted can be used with what a host has in hand.
func TestHalted(t *testing.T) {
	s := newSpace(t)
	a := newMachine(t, s, "a", "")
	require.NoError(t, a.open("").Attest(t.Context()))
	halts(t, s)
	_, err := a.open("").Claim(t.Context())
	require.ErrorIs(t, err, cluster.ErrHalted)
	require.Equal(t, hostlocal.CodeTryAgain, host.AnswerTo(err, "net").Code)
}

// halts halts the space net.
func halts(t *testing.T, s *etcdtest.Server) {
	t.Helper()
	e := etcd.New(etcd.Config{Endpoints: []string{s.Endpoint}})
	_, err := e.Commit(t.Context(), cluster.Txn{Then: []cluster.Op{
		cluster.Put("/leasehold/1/net/halt", []byte(`{"V":1,"By":"b","Text":"a test"}`)),
	}})
	require.NoError(t, errors.Join(err, e.Close()))
}
