package backendtest

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

func clausesOfProcesses(c contract) {
	c.clause("never lease an address twice", neverTwice)
	c.clause("wait for a process that holds the lock, but not for one that was killed", waitsForHolder)
	c.clause("leave each transaction complete or absent when they are killed", killedMidway)
	c.clause("leave a working store when they are killed while they create it", killedWhileCreating)
}

// neverTwice also checks that no view shows half a transaction.
func neverTwice(f *fixture) {
	ended := make(chan error)
	var all []*process
	for i := range takers {
		all = append(all, f.start("taker", "taker"+strconv.Itoa(i)))
	}
	for _, p := range all {
		p.begin(f)
		go func() { ended <- p.wait() }()
	}
	for running := takers; running > 0; {
		select {
		case err := <-ended:
			require.NoError(f, err)
			running--
		case <-time.After(time.Millisecond):
			require.Zero(f, len(f.addrs())%2, "an address of one family without one of the other")
		}
	}
	requireAllShared(f)
}

// requireAllShared requires that every address is leased, and each owner holds two.
func requireAllShared(f *fixture) {
	owners := map[backend.Owner]int{}
	for _, l := range f.state().leases {
		owners[l.Owner]++
	}
	require.Len(f, owners, takers*share)
	for owner, n := range owners {
		require.Equal(f, 2, n, "leases of %s", owner)
	}
	f.view(func(tx backend.ReadTx) error {
		for _, r := range []span{scarce4(), scarce6()} {
			requireNextFree(f, tx, r.from.String(), r.to.String(), "")
		}
		return nil
	})
}

func waitsForHolder(f *fixture) {
	f.update(fill)
	p := f.start("holder", "holder")
	p.begin(f)
	p.await(f, "holding")
	for _, call := range []call{callView, callUpdate} {
		ctx, cancel := context.WithTimeout(f.ctx, 2*instant)
		err := call(ctx, f.store, func() { f.Error("fn was called") })
		cancel()
		require.ErrorIs(f, err, backend.ErrBusy)
		f.namesPath(err)
	}
	p.kill(f)
	require.Equal(f, filled(f.Options), f.state())
	f.put(leased("10.0.0.2")...)
}

// rounds returns the number of processes that a test kills.
func rounds() int {
	if testing.Short() {
		return 8
	}
	return 30
}

func killedMidway(f *fixture) {
	for i := range rounds() {
		name := "churner" + strconv.Itoa(i)
		p := f.start("churner", name)
		p.begin(f)
		p.await(f, "leased "+name+"-0")
		f.killSoon(p)
		f.update(deleteAll)
	}
}

func killedWhileCreating(f *fixture) {
	for i := range rounds() {
		f.path = filepath.Join(f.TempDir(), "networks", "net")
		f.store = f.another()
		p := f.start("churner", "churner"+strconv.Itoa(i))
		p.begin(f)
		f.killSoon(p)
		f.update(deleteAll)
		f.update(fill)
		require.Len(f, f.addrs(), 2)
	}
}

// killSoon kills a churner within a few transactions and compares the store with what the
// churner has said.
func (f *fixture) killSoon(p *process) {
	time.Sleep(rand.N(5 * time.Millisecond))
	p.kill(f)

	held := map[string]int{}
	for _, l := range f.state().leases {
		held[l.Owner.ContainerID]++
	}
	f.check(f, f.path)
	for id, n := range held {
		require.Equal(f, bundle, n, "leases of %s, part of a transaction", id)
	}
	for id, word := range p.said {
		switch word {
		case "leased":
			require.Contains(f, held, id, "its Update had returned")
		case "released":
			require.NotContains(f, held, id, "the Update that released it had returned")
		}
	}
}
