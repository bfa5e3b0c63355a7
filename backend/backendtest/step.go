package backendtest

import (
	"net/netip"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leasehold/leasehold/backend"
)

// A step is one operation of a random transaction.
type step struct {
	kind  string
	addr  netip.Addr
	n     int
	owner backend.Owner
	set   string
}

// drawSteps draws the steps of a transaction. It runs before the transaction: an exhausted
// generator ends the test with a panic, which the store must not see.
func drawSteps(t *rapid.T) []step {
	one := rapid.Custom(func(t *rapid.T) step {
		return step{
			kind:  rapid.SampledFrom([]string{"put", "put run", "delete", "delete run", "cursor", "boot"}).Draw(t, "kind"),
			addr:  anyAddress().Draw(t, "addr"),
			n:     rapid.IntRange(2, 4).Draw(t, "n"),
			owner: rapid.SampledFrom(randomOwners()).Draw(t, "owner"),
			set:   rapid.SampledFrom([]string{"0", "1", "10"}).Draw(t, "set"),
		}
	})
	return rapid.SliceOfN(one, 1, 5).Draw(t, "steps")
}

// do takes the step s in a transaction and in its model.
func (p *pair) do(t *rapid.T, tx backend.Tx, model *state, s step) {
	switch s.kind {
	case "put":
		p.put(t, tx, model, s.addr, s)
	case "put run":
		for _, addr := range consecutive(s.addr, s.n) {
			p.put(t, tx, model, addr, s)
		}
	case "delete":
		require.NoError(t, tx.Delete(s.addr))
		delete(model.leases, s.addr)
	case "delete run":
		for _, addr := range consecutive(s.addr, s.n) {
			require.NoError(t, tx.Delete(addr))
			delete(model.leases, addr)
		}
	case "cursor":
		require.NoError(t, tx.SetCursor(s.set, s.addr))
		model.cursors[s.set] = s.addr
	case "boot":
		require.NoError(t, tx.SetLastSearch("boot "+s.set))
		model.boot = "boot " + s.set
	}
}

func (p *pair) put(t *rapid.T, tx backend.Tx, model *state, addr netip.Addr, s step) {
	l := lease(addr, s.owner)
	l.Since = l.Since.Add(time.Duration(s.n) * (time.Second + 1))
	if _, ok := model.leases[addr]; ok {
		require.ErrorIs(t, tx.Put(l), backend.ErrExists)
		return
	}
	require.NoError(t, tx.Put(l))
	model.leases[addr] = p.kept(l)
}

// consecutive returns n addresses from addr on, or fewer at the end of the family.
func consecutive(addr netip.Addr, n int) []netip.Addr {
	var all []netip.Addr
	for ; addr.IsValid() && len(all) < n; addr = addr.Next() {
		all = append(all, addr)
	}
	return all
}

// anyAddress draws one of a few addresses, so that they are often taken and often adjacent.
// They are at both ends of both families, and where an increment carries into the next byte
// or into the upper half of an IPv6 address.
func anyAddress() *rapid.Generator[netip.Addr] {
	var all []netip.Addr
	for _, first := range ips(
		first4, "10.0.0.253", "255.255.255.252",
		first6, "fd00::fffd", "fd00::ffff:ffff:ffff:fffe", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc",
	) {
		all = append(all, consecutive(first, 6)...)
	}
	return rapid.SampledFrom(all)
}

// A span is a pair of arguments for NextFree.
type span struct{ from, to netip.Addr }

func (s span) String() string { return s.from.String() + " to " + s.to.String() }

// anyRange draws ranges, some of which end before they begin.
func anyRange() *rapid.Generator[span] {
	return rapid.Custom(func(t *rapid.T) span {
		from := anyAddress().Draw(t, "from")
		sameFamily := func(to netip.Addr) bool { return from.Is4() == to.Is4() }
		return span{from, anyAddress().Filter(sameFamily).Draw(t, "to")}
	})
}

func wholeFamilies() []span {
	return []span{{ip(first4), ip(last4)}, {ip(first6), ip(last6)}}
}

// randomOwners returns a few owners, with and without an interface name.
func randomOwners() []backend.Owner {
	return []backend.Owner{
		{ContainerID: "a", IfName: "eth0"}, {ContainerID: "a", IfName: "eth1"}, {ContainerID: "a"},
		{ContainerID: "ab", IfName: "eth0"}, {ContainerID: "ab"},
	}
}
