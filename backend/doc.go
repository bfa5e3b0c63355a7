// Package backend defines how leases are stored: the [Store] interface, the values that
// pass through it, and the errors that callers branch on.
//
// A [Lease] says that an address belongs to an [Owner], which is one network interface of
// one container. A Store holds the leases of one network, the unit of locking and of
// transactions. All access goes through closures, so that a caller can neither forget a
// lock nor ignore a failure to obtain it:
//
//	err := store.Update(ctx, func(tx backend.Tx) error {
//		addr, err := tx.NextFree(first, last)
//		if err != nil {
//			return err
//		}
//		return tx.Put(backend.Lease{Addr: addr, Owner: owner})
//	})
//
// [Store.View] reads, [Store.Update] reads and writes. The writes of fn become durable as a
// whole when it returns nil, and leave no trace when it returns an error, panics, or the
// process is killed meanwhile.
//
// The package does no I/O. The stores are its subpackages: bolt (one bbolt file for each
// network), files (one file for each address, in the layout of the CNI project's host-local
// plugin) and memory (for tests). Package backendtest is the contract in executable form;
// every store passes it.
//
// # Sharing
//
// Several hosts can lease from one range: each has a store of its own with a [Membership],
// and holds a part of the range as [Block] values. Such a store clips its transactions to the
// blocks that are open, so that no bug in a caller can lease what another host holds. How
// hosts agree on blocks is not the business of this package: see the module cluster.
//
// # Writing a store
//
// Package storekit has the checks and errors that every store must have, and backendtest
// tests a store against the contract. See the example.
//
// # Caveats
//
// Stores know no policy: package allocator decides which address comes next, what a gateway
// is and when a lease has outlived its container.
//
// A transaction and its iterators are valid only until fn returns, and only in the
// goroutine that runs fn. Calling a method of the same Store within fn deadlocks until its
// context ends: it waits for a lock that fn holds.
//
// # Stability
//
// Until v1.0 a minor version may change the exported names; the CHANGELOG then lists the
// new ones.
package backend
