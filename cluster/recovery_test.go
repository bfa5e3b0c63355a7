package cluster_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	leases "github.com/leasehold/leasehold/backend/memory"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/memory"
)

// release removes the lease of addr.
func (h *host) release(t *testing.T, blocks ...backend.Block) {
	t.Helper()
	require.NoError(t, h.store.Update(t.Context(), func(tx backend.Tx) error {
		for _, b := range blocks {
			if err := tx.Delete(b.First); err != nil {
				return err
			}
		}
		return nil
	}))
}

// restored returns an engine that was restored, after a, which had one block, got another one, and b
// joined and got one; a has noticed it. It has leases in its second block, and b in its block.
func restored(t *testing.T) (e *memory.Engine, a, b *host) {
	t.Helper()
	e = newSpace(t)
	a = newHost(t, e, "a")
	a.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	backup := e.Backup()
	a.lease(t, a.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0].First)
	b = newHost(t, e, "b")
	b.lease(t, b.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0].First)
	e.Restore(backup)
	require.ErrorIs(t, a.Audit(t.Context()), cluster.ErrHalted)
	return e, a, b
}

func TestRecovery(t *testing.T) {
	e, a, b := restored(t)
	admin := cluster.NewAdmin(e, prefix)
	require.ErrorContains(t, admin.Recovered(t.Context(), "pods"), "its recovery was not begun")
	_, err := admin.Evict(t.Context(), "pods", hostNamed(t, e, "a"))
	require.ErrorContains(t, err, "begin its recovery before a host is evicted")
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	first, err := admin.Halted(t.Context(), "pods")
	require.NoError(t, err)
	require.NoError(t, admin.Recover(t.Context(), "pods"), "again")
	second, err := admin.Halted(t.Context(), "pods")
	require.NoError(t, err)
	require.Equal(t, first, second)
	err = admin.Recovered(t.Context(), "pods")
	require.ErrorIs(t, err, cluster.ErrUnreported)
	require.ErrorContains(t, err, "have not reported what they hold, and were not evicted: a")

	for _, h := range []*host{b, a} {
		_, before := h.state(t)
		err := h.Attest(t.Context())
		require.ErrorIs(t, err, cluster.ErrHalted)
		require.ErrorIs(t, err, cluster.ErrReported)
		_, after := h.state(t)
		require.Equal(t, before, after)
	}
	_, err = a.Claim(t.Context(), cluster.Want{Set: four(t), Blocks: 1})
	require.ErrorIs(t, err, cluster.ErrHalted, "nothing is claimed before the end")
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	require.ErrorIs(t, admin.Recovered(t.Context(), "pods"), cluster.ErrNotHalted)
	require.ErrorIs(t, admin.Recover(t.Context(), "pods"), cluster.ErrNotHalted)

	for _, h := range []*host{a, b} {
		require.NoError(t, h.Audit(t.Context()))
		differ, err := h.Differences(t.Context())
		require.NoError(t, err)
		require.Empty(t, differ)
	}
	blocks, err := admin.Blocks(t.Context(), "pods")
	require.NoError(t, err)
	require.Len(t, blocks, 3)
	require.Len(t, a.claim(t, cluster.Want{Set: four(t), Blocks: 4}), 1)
	wrong, err := admin.Verify(t.Context(), "pods")
	require.NoError(t, err)
	require.Empty(t, wrong)

	// A restore after that shows, too.
	backup := e.Backup()
	_, err = a.GiveBack(t.Context(), 0)
	require.NoError(t, err)
	e.Restore(backup)
	require.ErrorIs(t, b.Audit(t.Context()), cluster.ErrHalted)
}

// A host that was booted since does not know whether it was evicted in what is lost.
func TestRecoveryAfterABoot(t *testing.T) {
	e, a, b := restored(t)
	admin := cluster.NewAdmin(e, prefix)
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	a.boot("boot2")
	require.ErrorContains(t, a.Attest(t.Context()), "was booted, restored or copied since its addresses were confirmed: evict it")
	b.boot("boot2")
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrStopped, "it is not known at all")
	require.Equal(t, 1, evict(t, e, "a"))
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrStopped)

	require.NoError(t, b.Rejoin(t.Context()))
	require.NoError(t, a.Rejoin(t.Context()))
	for _, h := range []*host{a, b} {
		m, blocks := h.state(t)
		require.Equal(t, "boot2", m.Attested)
		require.Len(t, blocks, 1, "where it has a lease")
		require.Equal(t, backend.Open, blocks[0].State)
		require.NoError(t, h.Audit(t.Context()))
	}
}

// What a host has reported to servers that were restored again does not count.
func TestRecoveryOfServersRestoredAgain(t *testing.T) {
	e, a, b := restored(t)
	admin := cluster.NewAdmin(e, prefix)
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrReported)
	backup := e.Backup()
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	b.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	e.Restore(backup)
	require.ErrorContains(t, admin.Recovered(t.Context(), "pods"), "the servers were restored again; begin the recovery of space pods again")
	halt, err := admin.Halted(t.Context(), "pods")
	require.NoError(t, err)
	require.ErrorIs(t, admin.CheckRecovering(t.Context(), "pods", *halt), cluster.ErrConflict)
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrHalted)
	require.NotErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	halt, err = admin.Halted(t.Context(), "pods")
	require.NoError(t, err)
	require.NoError(t, admin.CheckRecovering(t.Context(), "pods", *halt))
	require.ErrorContains(t, admin.Recovered(t.Context(), "pods"), "a, b")
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrReported)
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	blocks, err := admin.Blocks(t.Context(), "pods")
	require.NoError(t, err)
	require.Len(t, blocks, 4)
}

// Two hosts believe that they hold a block: the one without leases in it yields.
func TestRecoveryWithADispute(t *testing.T) {
	e := newSpace(t)
	a, b := newHost(t, e, "a"), newHost(t, e, "b")
	got := a.claim(t, cluster.Want{Set: four(t), Blocks: 1})
	backup := e.Backup()
	_, err := a.GiveBack(t.Context(), 0)
	require.NoError(t, err)
	theirs := b.claim(t, cluster.Want{Set: four(t), Addr: got[0].First})
	b.lease(t, got[0].First)
	e.Restore(backup)
	require.ErrorIs(t, b.Audit(t.Context()), cluster.ErrHalted)
	admin := cluster.NewAdmin(e, prefix)
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrDisputed)
	require.ErrorContains(t, admin.Recovered(t.Context(), "pods"), "b (block "+got[0].String()+" is held by host a, and there are leases in it)")
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported, "it has given the block back")
	require.ErrorIs(t, b.Attest(t.Context()), cluster.ErrReported)
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	_, blocks := b.state(t)
	require.Equal(t, theirs, blocks)
	require.NoError(t, b.Audit(t.Context()))
	require.NoError(t, a.Audit(t.Context()))
}

func TestAdopt(t *testing.T) {
	e := memory.New()
	admin := cluster.NewAdmin(e, prefix)
	require.NoError(t, admin.InitRecovering(t.Context(), "pods", cluster.Config{Block4: 4, Ranges: []string{"10.0.0.0-10.0.0.15"}}))
	c := &host{store: leases.New(), engine: e, name: "c"}
	c.boot("boot1")
	hosts := map[string]*host{}
	for name, addr := range map[string]string{"a": "10.0.0.1", "b": "10.0.0.6"} {
		h := &host{store: leases.New(), engine: e, name: name}
		h.boot("boot1")
		h.lease(t, ip(addr))
		require.NoError(t, h.Adopt(t.Context(), "dc1", "pods", name))
		require.NoError(t, h.Adopt(t.Context(), "dc1", "pods", name), "again")
		hosts[name] = h
	}
	c.lease(t, ip("10.0.0.7"))
	c.lease(t, ip("10.0.0.14"))
	err := c.Adopt(t.Context(), "dc1", "pods", "c")
	require.ErrorIs(t, err, cluster.ErrDisputed)
	require.ErrorContains(t, err, "block 10.0.0.4-10.0.0.7 is held by host b")
	require.ErrorIs(t, c.Adopt(t.Context(), "dc1", "pods", "c"), cluster.ErrDisputed, "again")
	require.ErrorContains(t, admin.Recovered(t.Context(), "pods"), "c (block 10.0.0.4-10.0.0.7 is held by host b")
	held, err := admin.Blocks(t.Context(), "pods")
	require.NoError(t, err)
	require.Len(t, held, 3, "also the other block of c")
	require.NoError(t, c.store.Update(t.Context(), func(tx backend.Tx) error { return tx.Delete(ip("10.0.0.7")) }))
	require.NoError(t, c.Adopt(t.Context(), "dc1", "pods", "c"), "the container is gone")
	other := &host{store: leases.New(), engine: e, name: "d"}
	other.boot("boot1")
	other.lease(t, ip("10.9.9.9"))
	require.ErrorContains(t, other.Adopt(t.Context(), "dc1", "pods", "d"), "10.9.9.9 is leased to c and not an address of the space")
	m, _ := other.state(t)
	require.Zero(t, m, "the store is as before")
	require.ErrorIs(t, other.Adopt(t.Context(), "dc1", "pods", "a"), cluster.ErrNameTaken)

	_, err = hosts["a"].Claim(t.Context(), cluster.Want{Set: four(t), Blocks: 1})
	require.ErrorIs(t, err, cluster.ErrHalted)
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	for _, h := range hosts {
		m, _ := h.state(t)
		require.Empty(t, m.Attested, "c may have had leases in its blocks")
		require.NoError(t, h.Audit(t.Context()))
		require.ErrorContains(t, h.Adopt(t.Context(), "dc1", "pods", "other"), "already")
		m, blocks := h.state(t)
		require.Equal(t, "boot1", m.Attested)
		require.Len(t, blocks, 1)
		require.Equal(t, backend.Open, blocks[0].State)
	}
	// Later hosts adopt as well.
	other.store = leases.New()
	other.boot("boot1")
	other.lease(t, ip("10.0.0.9"))
	require.NoError(t, other.Adopt(t.Context(), "dc1", "pods", "d"))
	_, err = hosts["a"].Claim(t.Context(), cluster.Want{Set: four(t), Blocks: 1})
	require.ErrorIs(t, err, cluster.ErrNoBlocks)
}

// An evicted host gets its blocks again as long as they are free.
func TestRejoin(t *testing.T) {
	e := newSpace(t)
	a, b := newHost(t, e, "a"), newHost(t, e, "b")
	require.ErrorContains(t, a.Rejoin(t.Context()), "this host is not stopped: it is host a of space pods")
	got := a.claim(t, cluster.Want{Set: four(t), Blocks: 3})
	a.lease(t, got[0].First)
	a.lease(t, got[1].First)
	evict(t, e, "a")
	require.ErrorIs(t, a.Audit(t.Context()), cluster.ErrStopped)
	b.claim(t, cluster.Want{Set: four(t), Addr: got[1].First})
	before, blocks := a.state(t)
	err := a.Rejoin(t.Context())
	require.ErrorIs(t, err, cluster.ErrDisputed)
	require.ErrorContains(t, err, "block "+got[1].String()+" is held by host b")
	after, same := a.state(t)
	require.Equal(t, before, after)
	require.Equal(t, blocks, same)

	_, err = b.GiveBack(t.Context(), 0)
	require.NoError(t, err)
	require.NoError(t, a.Rejoin(t.Context()))
	after, blocks = a.state(t)
	require.NotEqual(t, before.Incarnation, after.Incarnation)
	require.Len(t, blocks, 2)
	require.NoError(t, a.Audit(t.Context()))
	a.release(t, blocks...)
	given, err := a.GiveBack(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, given, 2)
}

// claimed claims a block.
func (h *host) claimed(t *testing.T) backend.Block {
	t.Helper()
	return h.claim(t, cluster.Want{Set: four(t), Blocks: 1})[0]
}

// A store whose machine was replaced is evicted before it joins again.
func TestRejoinOnAnotherMachine(t *testing.T) {
	e := newSpace(t)
	a := newHost(t, e, "a")
	a.lease(t, a.claimed(t).First)
	a.name = "another"
	a.boot("boot2")
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrStopped)
	require.ErrorIs(t, a.Rejoin(t.Context()), cluster.ErrNameTaken)
	evict(t, e, "a")
	require.NoError(t, a.Rejoin(t.Context()))
	m, _ := a.state(t)
	require.Equal(t, "machine of another", m.Machine)
	require.NoError(t, a.Audit(t.Context()))
}

// A copy of a machine has the name of the original in its store, and joins under its own.
func TestRejoinOfACopy(t *testing.T) {
	e := newSpace(t)
	a := newHost(t, e, "a")
	a.name = "copy"
	a.boot("boot2")
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrStopped)
	name := (*cluster.NameError)(nil)
	require.ErrorAs(t, a.Rejoin(t.Context()), &name)
	require.Equal(t, cluster.NameError{Host: "a"}, *name)
	require.ErrorContains(t, a.RejoinAs(t.Context(), "a/b"), `name "a/b"`)
	require.NoError(t, a.RejoinAs(t.Context(), "copy"))
	m, _ := a.state(t)
	require.Equal(t, "copy", m.Host)
	require.False(t, hostNamed(t, e, "a").Evicted)
	require.NoError(t, a.Audit(t.Context()))
	require.ErrorIs(t, a.RejoinAs(t.Context(), "another"), cluster.ErrNotStopped)
}

// A name that another host takes while a host rejoins can be changed.
func TestRejoinLosesItsName(t *testing.T) {
	e := newSpace(t)
	a := newHost(t, e, "a")
	evict(t, e, "a")
	a.boot("boot2")
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrStopped)
	a.engine = failing{e, 2}.engine()
	a.boot("boot2")
	require.ErrorIs(t, a.Rejoin(t.Context()), cluster.ErrUnknown)
	m, _ := a.state(t)
	require.Empty(t, m.Stopped, "it has begun")
	newHost(t, e, "a")
	a.engine, a.name = e, "a"
	a.boot("boot2")
	require.ErrorIs(t, a.RejoinAs(t.Context(), "a"), cluster.ErrNameTaken)
	require.NoError(t, a.RejoinAs(t.Context(), "b"))
	m, _ = a.state(t)
	require.Equal(t, "b", m.Host)
	require.NoError(t, a.Audit(t.Context()))
}

// A machine that is the host already, with another store, is told from another host.
func TestOwnName(t *testing.T) {
	e := newSpace(t)
	newHost(t, e, "a")
	again := &host{store: leases.New(), engine: e, name: "a"}
	again.boot("boot1")
	name := (*cluster.NameError)(nil)
	require.ErrorAs(t, again.Join(t.Context(), "dc1", "pods", "a"), &name)
	require.Equal(t, cluster.NameError{Host: "a", Own: true}, *name)
	m, _ := again.state(t)
	require.Zero(t, m)
}

func TestVerify(t *testing.T) {
	e := newSpace(t)
	admin := cluster.NewAdmin(e, prefix)
	a := newHost(t, e, "a")
	got := a.claim(t, cluster.Want{Set: four(t), Addr: ip("10.0.0.4")})
	spaces, err := admin.Spaces(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"pods"}, spaces)
	usage, err := admin.Usage(t.Context(), "pods")
	require.NoError(t, err)
	require.Equal(t, cluster.Usage{Addresses: 1<<64 - 1, Held: 4, Blocks: 1}, usage)
	wrong, err := admin.Verify(t.Context(), "pods")
	require.NoError(t, err)
	require.Empty(t, wrong)

	space := prefix + "/1/pods/"
	m, _ := a.state(t)
	for _, tt := range []struct {
		spoil cluster.Op
		want  string
	}{
		{cluster.Delete(space + "of/a/" + m.Incarnation.String() + "/40a000004"), "block 10.0.0.4 is held by host a and not in its index"},
		{cluster.Delete(space + "host/a"), "block 10.0.0.4 is held by host a, of which there is no record"},
		{cluster.Delete(space + "block/40a000004"), "the index a/" + m.Incarnation.String() + "/40a000004 is of a block that is not held so"},
		{cluster.Put(space+"halt", []byte(`{"V":1,"By":"b","Text":"of a test"}`)), "the space is halted by b: of a test: begin its recovery"},
	} {
		backup := e.Backup()
		_, err := e.Commit(t.Context(), cluster.Txn{Then: []cluster.Op{tt.spoil}})
		require.NoError(t, err)
		wrong, err = admin.Verify(t.Context(), "pods")
		require.NoError(t, err)
		require.Contains(t, wrong, tt.want)
		differ, err := a.Differences(t.Context())
		require.NoError(t, err)
		t.Log(differ)
		e = memory.New()
		e.Restore(backup)
		admin = cluster.NewAdmin(e, prefix)
		a.engine = e
		a.boot("boot1")
	}
	wrong, err = admin.Verify(t.Context(), "pods")
	require.NoError(t, err)
	require.Len(t, wrong, 1)
	require.Contains(t, wrong[0], "the servers were restored from a backup")

	_, err = e.Commit(t.Context(), cluster.Txn{Then: []cluster.Op{cluster.Delete(space + "of/a/" + m.Incarnation.String() + "/40a000004")}})
	require.NoError(t, err)
	differ, err := a.Differences(t.Context())
	require.NoError(t, err)
	require.Contains(t, differ, "block "+got[0].String()+" is here, open, and the servers do not know that this host holds it")
}

// recorded keeps the last Txn that has the key among those that it writes.
type recorded struct {
	cluster.Engine
	key  string
	last cluster.Txn
}

func (r *recorded) Commit(ctx context.Context, t cluster.Txn) (cluster.Outcome, error) {
	if slices.ContainsFunc(t.Then, func(op cluster.Op) bool { return op.Kind == cluster.PutOp && op.Key == r.key }) {
		r.last = t
	}
	return r.Engine.Commit(ctx, t)
}

// write commits until the revision of the engine is at least that.
func write(t *testing.T, e cluster.Engine, revision int64) {
	t.Helper()
	for {
		out, err := e.Commit(t.Context(), cluster.Txn{Then: []cluster.Op{cluster.Put("/other", nil)}})
		require.NoError(t, err)
		if out.Revision >= revision {
			return
		}
	}
}

// What was sent before a restore does nothing when it arrives after the recovery.
func TestRequestsOfALostHistory(t *testing.T) {
	e := newSpace(t)
	const space = prefix + "/1/pods/"
	a := newHost(t, e, "a")
	backup := e.Backup()
	write(t, e, 300)
	claim, halt := &recorded{Engine: e, key: space + "host/a"}, &recorded{Engine: e, key: space + "halt"}
	a.engine = claim
	a.boot("boot1")
	a.claimed(t)
	a.claimed(t)
	written := claim.last.If[0].Revision // of the record of a, when it made the latest request
	require.Greater(t, written, int64(300))

	e.Restore(backup)
	a.engine = halt
	a.boot("boot1")
	require.ErrorIs(t, a.Audit(t.Context()), cluster.ErrHalted)
	require.NotEmpty(t, halt.last.Then)
	admin := cluster.NewAdmin(e, prefix)
	require.NoError(t, admin.Recover(t.Context(), "pods"))
	write(t, e, written-2) // The report writes the record twice.
	require.ErrorIs(t, a.Attest(t.Context()), cluster.ErrReported)
	require.NoError(t, admin.Recovered(t.Context(), "pods"))
	now, err := e.Commit(t.Context(), cluster.Txn{Then: []cluster.Op{cluster.Get(claim.key)}})
	require.NoError(t, err)
	require.Equal(t, written, now.Results[0].Entry.Revision, "as by chance")

	for _, late := range []cluster.Txn{claim.last, halt.last} {
		out, err := e.Commit(t.Context(), late)
		require.NoError(t, err)
		require.False(t, out.Held)
	}
	require.NoError(t, a.Audit(t.Context()))
}
