// Package allocator decides which address comes next, and when a lease ends.
//
// The addresses that can be leased are described by immutable values, which are checked
// when they are made. A [Range] is a run of addresses of one subnet. A [Set] is one or more
// ranges of one family; an attachment gets one address of it. A [Pool] is one or more sets,
// such as one of IPv4 and one of IPv6 addresses. [NewRange], [NewSet] and [NewPool] make
// them, in this order.
//
// An [Allocator] leases the addresses of a pool and keeps the leases in a
// [backend.Store]:
//
//	a := allocator.New(store, pool, allocator.Options{})
//	got, err := a.Allocate(ctx, allocator.Request{
//		Owner: backend.Owner{ContainerID: "b552f9", IfName: "eth0"},
//	})
//
// Then got has an address, with its prefix length, and a gateway for each set. [Release],
// [ReleaseAddrs] and [Collect] end leases. They need no pool: a container's leases can be
// released whatever has happened to the configuration. A [GarbageFilter] decides which leases an
// operator may collect with a list that can be incomplete, and [ReleaseUnchanged] releases
// them. [Pool.Usage] tells how full the sets are.
//
// # Which address comes next
//
// A set is walked round-robin: from the address after the one it gave last (the cursor)
// through its ranges in order, and around to the cursor itself. So a container that
// restarts again and again does not get the address that its predecessor has just released.
// Gateways and excluded addresses are skipped without being visited: the leasable spans of
// each range are computed when the range is made, and the store is asked for the first free
// address of each span.
//
// For the same history of successful requests and releases, this gives the same addresses
// as the CNI project's host-local plugin. Failed requests differ: here they change nothing,
// while there they can move cursors and release what the attachment held before. And an
// attachment that holds an address of a set gets no second one by naming it.
//
// # Leases that no DEL releases
//
// A torn lease is one whose record was destroyed by a crash; it has a zero Owner. It counts
// as taken until its set has no other address left. Then the torn leases of the set are
// released.
//
// After a reboot no container of the earlier boot is left. With
// [Options.ReleaseEarlierBoots], the first Allocate that succeeds releases the leases that
// are known to be from earlier boots. If there are thousands, it takes several Allocates.
//
// # Caveats
//
// A gateway is withheld only in its own range. Where several ranges share a subnet, and one
// of them names a gateway that is an address of another, exclude it there.
//
// A store identifies sets by their index in the pool. A set that moves to another index
// starts again from its first address; nothing else is lost.
//
// # Stability
//
// Until v1.0 a minor version may change the exported names; the CHANGELOG then lists the
// new ones.
package allocator
