// Package bolt keeps the leases of one network in one bbolt file.
//
// Every operation takes time that grows with the logarithm of the number of
// leases, or less: no operation looks at leases that it is not about. One ADD or
// DEL is one transaction with two syncs.
//
//	store := bolt.Open("/var/lib/cni/networks/podnet")
//	defer store.Close()
//	err := store.Update(ctx, func(tx backend.Tx) error { ... })
//
// [Create] makes a store that holds many leases from the beginning, those of another
// store for instance: in ascending order, thousands to a transaction, with one sync.
//
// # Format
//
// The file has a bucket of leases, in which an address leads to a record, and that is
// the truth. Two more are derived from it, and can be rebuilt: the addresses of each
// container, and the runs of leased addresses, by which the next free one is a look-up.
// The others hold the cursors, the names of boots and the version of the format, and a
// file of another version is refused with [backend.ErrFormat]. In this module,
// docs/formats.md has all of it to the byte.
//
// # Locking
//
// A Store holds nothing between transactions. Each opens the file, waits for its
// lock (flock, shared for View) without polling, makes sure that the path still
// names the file it locked, and closes it. So several stores, in any number of
// processes, can share a path, and a file can be replaced while others wait for its
// lock, as a live migration does.
//
// # Many at once
//
// The Updates that wait in one Store while another one commits share the next
// transaction, and its two syncs: one of them leads, takes the lock and begins, the
// functions of the others are called one after the other, and all are told how the one
// commit went. What a function has written that fails, panics or ends its goroutine is
// taken back by the opposite changes, so that it harms nobody else. Nobody waits for
// company: an Update that is alone is a transaction of its own.
//
// A commit that fails, and damage that only shows when bbolt panics, fail all that share
// the transaction. On a disk without room for more, nobody shares.
//
// # Crash safety
//
// bbolt commits with two syncs and is safe against kill and power cut once the
// file exists. What it lacks is done here: the file is made aside, synced, and
// renamed into place; and it grows by written zeros, ahead of need, so that a
// Delete never fails for want of disk space.
//
// A process that is killed before its last sync leaves what a power cut may still take
// away. Whoever is through sets the sticky bit of the file, and takes it away before the
// next change: an Update that finds it missing syncs the file, and the directories above
// it, before it begins.
//
// # Other stores
//
// A migration or a repair puts another store in the place of this one and marks this one,
// whose Updates and Views then return [backend.ErrReplaced]. What is on its way from one that
// was killed is in the directory .leasehold beside the file: it is looked for, and moved into
// place, if there is no file, or one that was marked or not left clean.
//
// # Damage
//
// A damaged file gives an error where bbolt panics or faults. Where it would do neither
// and go on, for ever or until there is no memory left, is found out before: each page
// is looked at ahead of bbolt when a transaction first comes to it, and the list of
// free pages before anything is written. Damage in pages that no transaction comes to
// is not seen, nor that a page in use is listed as free, which bbolt then writes over: a
// store opened with [Checked] looks at every page first, as Verify always does.
// [Store.Salvage] reads what can be read of a file, whatever has happened to it.
//
// Every lease has a checksum, and the indices are held against the leases. The
// cursors, the names of boots and that of the last one have neither: a bit that flips
// in those is not noticed.
//
// # Caveats
//
// While bbolt has a file open, its pages are mapped: a file that somebody
// truncates meanwhile is reported as damaged, and the mapping is leaked.
//
// Not every file system overwrites a file in place, which a Delete on a full disk relies on.
// On btrfs a new store is made so that it does. For the other cases, such as snapshots, there
// is a spare file, .leasehold-spare beside the store, which the first Delete without space
// removes: on all file systems but ext4 and tmpfs. A snapshot that holds that file as well,
// or others who fill the disk meanwhile, can still stop a Delete.
//
// # Stability
//
// Until v1.0 a minor version may change the exported names; the CHANGELOG then lists the
// new ones. Files stay readable: a later version reads those of an earlier one, and upgrades
// them when it writes.
package bolt
