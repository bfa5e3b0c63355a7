// Package files keeps the leases of one network in one directory, with one file for each
// address, in the layout of the CNI project's host-local plugin, byte for byte.
//
// The stock plugin and this package can use one directory at the same time, and each sees
// the other's leases. Unlike the stock plugin, this package writes a lease file completely
// or not at all, and a killed transaction leaves all of its leases or none.
//
//	store := files.Open("/var/lib/cni/networks/podnet")
//	defer store.Close()
//	err := store.Update(ctx, func(tx backend.Tx) error { ... })
//
// Open accesses no file. View writes nothing, except to finish a migration that was killed: see
// below. The first Update creates the directory, mode 0755, and the lock file. [Create] makes
// a store with many leases, for instance of another store.
//
// # Other stores
//
// A migration or repair puts another store at the path and marks this one, whose Updates and
// Views then return [backend.ErrReplaced]. If it was killed, its new store may wait in the
// directory .leasehold beside this one: a transaction looks for one if there is no directory at
// the path, or one that is marked or not clean, and moves it to the path.
//
// # Layout
//
// A lease is a file named after its address that contains the container ID and the
// interface name. Beside the leases are the cursors, the lock, a marker that names a boot
// and, while a transaction changes several files, its journal. docs/formats.md in this module
// describes them byte for byte.
//
// An empty file, which the stock plugin leaves behind when it is killed, is a lease with a
// zero Owner. The time of a lease is the file's modification time, truncated to what the file
// system keeps.
//
// Anything other than a regular file that has the name of an address is not read, followed or
// removed. Its address counts as taken, and the container ID of the lease says what it is:
// "(directory)", "(symbolic link)", "(named pipe)", "(socket)", "(device)". A file of more
// than 16 KiB is a "(large file)", which Delete does remove.
//
// # Locking
//
// A Store holds no lock and no open file between transactions. A transaction opens the
// directory, waits for the lock without polling, and checks that the path still names this
// directory and that the lock file is still in it. After that it uses the open directory,
// whatever happens to the path. Where there is no lock file, as in a copy on a read-only
// medium, View works without one.
//
// # Crash safety
//
// A new file is written under a temporary name, synced and renamed, never over another file;
// then the directory is synced. A transaction that creates or deletes one lease needs nothing
// else: two syncs, or one.
//
// Several changes need a journal, which lists the files to create and to delete. It is synced
// before it gets its name, and the directory is synced after that.
//
// A transaction that only creates can be undone while its journal exists: the new files are
// synced first, and get their names once the journal is durable. Then the directory is synced,
// the journal removed, and the directory synced again. For k new files that is k+4 syncs.
//
// A transaction that only deletes is finished once its journal exists: the files are removed,
// the directory is synced, and the journal is removed. That is three syncs.
//
// A transaction that does both begins like the first and ends like the second. In between, the
// journal is replaced atomically by one that says redo. Before that, no file is deleted, or
// renamed in order to be deleted: a restored file has another time, and the lease of an earlier
// boot would look like a lease of the present one. New files that reuse the name of a deleted
// one get it last. That is k+6 syncs.
//
// The next Update that finds a journal undoes or finishes the transaction. It removes a file
// only if it is the file in the journal: the stock plugin, which does not know journals, can
// have released the address and leased it again in between. A file is identified by inode,
// time and, if it was created, content, and by its inode generation where a later file can
// have the same time. If a file is still ambiguous it stays, and the journal is set aside for
// Verify. If the stock plugin has released the owner, or leased one of the addresses, of an
// interrupted transaction that also deletes, none of its new files is left. A View that finds
// a journal shows the directory as the next Update will leave it.
//
// From v1.10.0 on, the stock plugin's GC removes every file that does not hold a listed
// attachment, except the lock and names that begin with last_reserved_ip. So the journal and
// the marker have such names. GC removes a new lease file that still has its temporary name
// exactly if it would remove the lease.
//
// The sticky bit of the lock file is a clean bit: it says that everything is done and synced.
// An Update that finds it clear, because a process was killed or a stock plugin created the
// directory, first syncs the directory and those above it.
//
// A journal that fails its checksum was corrupted by the disk. Then created files stay, and so
// do files that were not deleted yet, because leaking an address is better than leasing it
// twice. The journal is set aside, Verify reports it, and the store continues to work. A
// journal of an unknown version gives [backend.ErrFormat]. Journals of version 1, which had
// other names, are still undone.
//
// Cursors are hints. They are overwritten in place after everything else, without a sync, and
// an Update that had leases to write ignores an error in doing so.
//
// # Earlier boots
//
// A lease file does not record in which boot it was made. If the caller says by [WithBoot] when
// the present boot began, it is the Lease.Boot of each lease dated since. If there is a marker,
// it is also the Lease.Boot of an older lease whose file was changed since, for instance copied,
// unless the file has the sticky bit. Put, [Store.Create] and [Store.Repair] set it on a file that
// they make or change for a lease of an earlier boot. For other leases Lease.Boot is empty. The
// marker contains the text given to SetLastSearch; nothing else writes it.
//
// # Caveats
//
// OwnedBy reads every lease file, several at a time. So does Leases, which reads about two
// thousand files ahead.
//
// On Linux, Create syncs the whole file system, and so also waits for writes of other programs.
// Elsewhere it syncs each file.
//
// Delete works on a full disk. If a transaction deletes several leases and the journal cannot
// be written, for whatever reason, it deletes them anyway. Only then can a kill leave some of
// them.
//
// If an Update that only deletes returns an error, some leases may be gone; if there is a
// journal, the next Update deletes the rest. A single deleted lease is not restored if the
// directory cannot be synced.
//
// On FUSE and some network file systems, a lock is known to one mount or client only. Two
// mounts of one directory are not supported there: an Update may return [backend.ErrBusy]
// because of another one that it should have waited for. But no two of them create the same
// lease, because a file gets its name by a call that refuses to replace one (link(2) where
// renameat2(2) cannot). An interrupted transaction is left alone for ten seconds there.
//
// # Stability
//
// Until v1.0 a minor version may change the exported names; the CHANGELOG then lists the
// new ones. The layout is fixed, because the stock plugin shares it.
package files
