// Package backend defines where leases are kept: the [Store] interface, the
// values that pass through it, and the errors that callers branch on.
//
// A [Lease] says that an address belongs to an [Owner], which is one network
// interface of one container. A Store holds the leases of one network; that is
// the unit of locking and of a transaction. All access goes through closures,
// so that nobody can forget a lock or ignore that it was not obtained:
//
//	err := store.Update(ctx, func(tx backend.Tx) error {
//		addr, err := tx.NextFree(first, last)
//		if err != nil {
//			return err
//		}
//		return tx.Put(backend.Lease{Addr: addr, Owner: owner})
//	})
//
// [Store.View] reads, [Store.Update] reads and writes. What fn wrote becomes
// durable as a whole when it returns nil, and leaves no trace when it returns
// an error, panics, or when the process is killed meanwhile.
//
// The package does no I/O. The stores are its subpackages: bolt (one bbolt file
// for a network), files (one file for an address, the layout of the CNI
// project's host-local plugin) and memory (for tests). Package backendtest is
// the contract in executable form; every store passes it.
//
// # Writing a store
//
// The functions of this package are for who writes a store, or moves what one holds:
// they refuse what every store has to refuse, and in the same words. A program that uses
// a store has no need of them.
//
// # Caveats
//
// Stores know no policy: which address comes next, what a gateway is and when a
// lease has outlived its container is decided in package allocator.
//
// A transaction, and everything that iterates over one, is valid only until fn
// returns, and only in the goroutine that runs fn. Calling a method of the same
// Store from within fn waits for a lock that fn itself holds.
package backend
