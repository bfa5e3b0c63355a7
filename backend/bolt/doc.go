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
// The file has six buckets. An address is written as a byte 4 or 6 and its 4 or
// 16 bytes in network order.
//
//	meta     "format"    one byte, the version of this format: 1
//	         "boot"      text of Tx.SetBoot
//	leases   address  →  record
//	owners   FNV-1a-64 of the container ID, big-endian, and address  →  empty
//	runs     first address of a run of leased addresses  →  its last address
//	boots    number, 8 bytes big-endian  →  boot ID
//	cursors  name of a range set  →  address
//
// A record is, one after the other: the time of the lease in Unix seconds as a
// signed varint (0: not known); the number of its boot as an unsigned varint (0: not
// known); five texts, which are container ID, interface name, path of the network
// namespace, namespace and name of the pod; and the FNV-1a-32, big-endian, of the
// address and of all that came before. Varints are those of package
// encoding/binary.
//
// A text is a uvarint header and bytes. The header is the number of bytes times
// four, plus a form:
//
//	0  the bytes are the text
//	1  each byte is two lower-case hexadecimal digits of the text
//	2  the last 16 bytes are a UUID, the last 36 characters of the text;
//	   those before are the text before
//	3  the first byte says what the text begins with, the others are a UUID:
//	   0 /var/run/netns/cni-  1 /run/netns/cni-  2 /var/run/netns/  3 /run/netns/
//
// leases is the truth. owners and runs are derived from it and can be rebuilt: a
// run is as long as it can be, and no two touch.
//
// # Locking
//
// A Store holds nothing between transactions. Each opens the file, waits for its
// lock (flock, shared for View) without polling, makes sure that the path still
// names the file it locked, and closes it. So several stores, in any number of
// processes, can share a path, and a file can be replaced under a lock holder's
// hands by a live migration.
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
// Of the file systems in common use, btrfs and ZFS copy on write: there a full
// disk can stop a Delete, whatever was allocated ahead.
package bolt
