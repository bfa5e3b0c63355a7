// Package bolt keeps the leases of one network in one bbolt file.
//
// Every operation takes time that grows at most with the logarithm of the number of leases:
// none reads leases that do not concern it. One ADD or DEL is one transaction with one sync.
//
//	store := bolt.Open("/var/lib/cni/networks/podnet")
//	defer store.Close()
//	err := store.Update(ctx, func(tx backend.Tx) error { ... })
//
// [Create] makes a store with many leases, for instance of another store: in ascending
// order, thousands in a transaction, with one sync.
//
// # Format
//
// The file has a bucket of leases, which maps an address to a record and is authoritative.
// Two indices are derived from it and can be rebuilt: the addresses of each container, and
// the runs of leased and cooling addresses, which make the next free address a look-up. The
// leases that have ended, as far as the program records them, have a bucket and an index of
// their own, and so have the cooling addresses. Other buckets have the cursors, the names of
// boots, and the version of the format; a file of another version is rejected with
// [backend.ErrFormat]. docs/formats.md in this module describes the format to the byte.
//
// # Locking
//
// A Store holds nothing between transactions. Each transaction opens the file, waits for its
// lock (flock, shared for View) without polling, makes sure that the path still names the
// locked file, and closes the file. So several stores, in any number of processes, can share
// a path, and a live migration can replace a file while others wait for its lock.
//
// # Concurrent Updates
//
// The Updates that wait in one Store while another one commits share the next transaction
// and its sync. One of them leads: it takes the lock and begins, the functions of the
// others are called one after the other, and all get the result of the commit. If a function
// fails, panics or ends its goroutine, its changes are undone by opposite ones, so the others
// are not affected. No Update waits for others to join: a single one is a transaction of its
// own.
//
// A commit that fails, and damage that shows only when bbolt panics, fail all Updates of the
// transaction. On a disk without room for more, Updates do not share.
//
// # Crash safety
//
// bbolt commits with two syncs, and once its file exists a kill or power cut does it no harm.
// This package makes do with one: it seals each transaction with a checksum over the pages that it
// has written, and revokes the last one when it opens a file in which the seal is missing or does
// not match. The file is made aside, synced, and renamed into place; and it grows by written
// zeros, ahead of need, so that a Delete never fails for want of disk space.
//
// A process that is killed before its sync leaves changes that a power cut can still undo. So a
// process that has synced its transaction writes a receipt. An Update that finds none first syncs
// the file and the directories above it.
//
// # Files beside the store
//
// Besides the file at its path, a store reads and writes in the same directory:
//
//   - .leasehold, a directory with what migrations and repairs leave. A migration or repair
//     puts another store at the path and marks the old one, whose Updates and Views then
//     return [backend.ErrReplaced]. If it was killed, its new store may wait in .leasehold: a
//     transaction looks for one if there is no file at the path, or one that is marked or has
//     no receipt, and moves it to the path.
//   - .NAME.new, the file of a new store until its first transaction is committed.
//   - .leasehold-spare, a spare file: see Caveats.
//
// # Damage
//
// On a corrupt file bbolt can panic or fault, which gives an error here. It can also loop or
// allocate without bound; the store detects that first: each page is checked before bbolt
// reads it for the first time in a transaction, and the freelist before anything is written.
// That does not find damage in pages that no transaction uses, nor a page in use that the
// freelist has, which bbolt then overwrites. A store opened with [Checked] checks every page
// first, as Verify always does. [Store.Salvage] reads what can be read of a corrupt file.
//
// A page that the disk does not give may be there the next time. So Update and View return the
// error of the disk, which names the file. Verify reports such a page as damage, unless it can read
// neither meta page, and Salvage reads what it can.
//
// Every lease has a checksum, and so have ended leases; the indices are compared with the leases. The cursors, the
// names of boots and the last boot have neither: a flipped bit in those is not noticed.
//
// # Caveats
//
// bbolt maps the pages of an open file into memory. If another program truncates the file
// meanwhile, it is reported as damaged, and the mapping is leaked.
//
// Not every file system overwrites a file in place, on which a Delete on a full disk relies.
// On btrfs a new store is made so that it does. For other cases, such as snapshots, there is
// a spare file, .leasehold-spare, on all file systems but ext4 and tmpfs: the first Delete
// without space removes it. If a snapshot has that file too, or other programs fill the disk
// meanwhile, a Delete can still fail.
//
// # Stability
//
// Until v1.0 a minor version may change the exported names; the CHANGELOG then lists the
// new ones. Files stay readable: a later version reads files of an earlier one, and upgrades
// them when it writes.
package bolt
