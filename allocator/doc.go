// Package allocator decides which address comes next, and when a lease ends.
//
// What can be handed out is described by values that are checked once and never
// change. A [Range] is a run of addresses of one subnet. A [Set] is one or more
// ranges of one family; an attachment gets one address of it. A [Pool] is one or
// more sets, such as one of IPv4 and one of IPv6 addresses. [NewRange], [NewSet] and
// [NewPool] make them, in this order.
//
// An [Allocator] leases the addresses of a pool and keeps the leases in a
// [backend.Store]:
//
//	a := allocator.New(store, pool, allocator.Options{})
//	got, err := a.Allocate(ctx, allocator.Request{
//		Owner: backend.Owner{ContainerID: "b552f9", IfName: "eth0"},
//	})
//
// Then got has an address, with the length of its subnet, and a gateway for each set.
// [Release], [ReleaseAddrs] and [Collect] end leases. They need no pool: what a
// container holds can be given back whatever has become of the configuration. A
// [Sweep] says what a Collect by an operator may release, who has a list that can be
// incomplete, and [ReleaseUnchanged] does so. [Pool.Usage] says how full the sets are.
//
// # Which address comes next
//
// A set is walked round-robin: from the address after the one it gave last, the
// cursor, through its ranges in their order, and around to the cursor itself. So
// a container that starts again and again does not meet the address that its
// predecessor has just left. Gateways and excluded addresses are not walked over
// but jumped: the leasable rest of each range is worked out when the range is
// made, and the store is asked for the first free address of each piece.
//
// On the same history of requests and releases that succeed, this gives the
// addresses that the CNI project's host-local plugin gives. A request that fails
// differs: it leaves nothing behind here, while there it can move cursors and
// release what the attachment held before. And an attachment that holds an address
// of a set gets no second one by naming it.
//
// # Leases that nobody gives back
//
// A torn lease is one whose record a crash destroyed; it has a zero Owner. It
// counts as taken until its set has nothing else left. Then the torn leases of
// the set are taken back.
//
// After a reboot no container of the earlier boot is left. With
// [Options.ReleaseEarlierBoots], the first Allocate that succeeds ends the leases
// that are known to be of earlier boots; of thousands, the first ones that succeed.
//
// # Caveats
//
// A gateway is withheld in its own range only. Where several ranges share one
// subnet, and one of them names a gateway that lies within another, exclude it
// there.
//
// Sets are known to the store by their index in the pool. A set that is moved to
// another index starts again from its first address; nothing else is lost.
package allocator
