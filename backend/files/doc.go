// Package files keeps the leases of one network in one directory, a file for each
// address: the layout of the CNI project's host-local plugin, to the byte.
//
// The stock plugin and this package can work on the same directory at the same
// time, and each sees the leases of the other. What the stock plugin lacks is done
// here: a lease file appears whole or not at all, and a transaction that was
// killed leaves all of its leases or none.
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
// A lease is a file that is named as its address, and holds the container ID and the
// name of the interface. Beside them are the cursors, the lock, a marker that names a
// boot and, while a transaction changes several files, its journal. In this module,
// docs/formats.md has all of it to the byte.
//
// An empty file, which the stock plugin leaves behind when it is killed, is a lease with
// a zero Owner. The time of a lease is the file's modification time, cut off to what the
// file system keeps.
//
// What has the name of an address and is not a regular file is neither read nor
// followed nor removed. The address counts as taken, and the lease names as its
// container what stands there: "(directory)", "(symbolic link)", "(named pipe)",
// "(socket)", "(device)". A file of more than 16 KiB is a "(large file)", which
// Delete does remove.
//
// # Locking
//
// A Store holds no lock and no open file between transactions. Each opens the
// directory, waits for the lock without polling, and makes sure that the path
// still names this directory and the lock file is still in it. From there on it
// goes by the open directory, whatever becomes of the path. Where there is no lock
// file, as in a copy on a medium that cannot be written, View goes on without.
//
// # Crash safety
//
// A new file is written under its temporary name, synced and renamed, never onto
// another; then the directory is synced. A transaction that makes or deletes one
// lease needs no more: two syncs, or one.
//
// Several changes need a journal, which lists what is created and what is deleted. It is
// synced before it gets its name, and the directory after that.
//
// A transaction that only creates is undone as long as there is a journal: the new files
// are synced first, and get their names once the journal is durable. The directory is
// synced, the journal removed, and the directory synced. For k new files that is k+4 syncs.
//
// A transaction that only deletes is carried on as soon as there is a journal: the files are
// removed, the directory is synced, and the journal removed. That is three syncs.
//
// A transaction that does both begins as the first and ends as the second. In between the
// journal is replaced, in one step, by one that says redo. Until then no file is deleted, or
// renamed in order to be deleted: a file that is brought back has another time, and the lease
// of an earlier boot would pass for one of the present. New files whose names are those of
// deleted ones get them last. That is k+6 syncs.
//
// The next Update that finds a journal undoes the transaction or carries it on. It removes
// a file only if that is the one that the journal means: in between, the stock plugin, which
// knows of no journal, can have released the address and leased it again. A file is known by
// inode, time and, if it was created, content, and by the generation of the inode where a later
// file can have the same time. What is ambiguous all the same stays, and the journal is set
// aside for Verify. If it has done so while a transaction that also
// deletes was interrupted, none of the new files is left. A View that finds a journal shows
// the directory as it will be after that.
//
// From v1.10.0 on, the stock plugin's GC removes every file that is not of an attachment it is
// told of, but for the lock and those that begin with last_reserved_ip. So the journal and
// the marker have such names. A new lease file that waits for its name has one that GC
// removes if it would remove the lease, and not otherwise.
//
// The sticky bit of the lock file says that all of this is done and synced. An Update
// that finds it missing, because somebody was killed or a stock plugin has made the
// directory, first syncs the directory and those above it.
//
// A journal that fails its checksum was damaged by the disk. Then created files
// stay, and so does what was not deleted yet: rather is an address leaked than
// leased twice. The journal is set aside, Verify speaks of it, and the store goes
// on working. A journal of an unknown version gives [backend.ErrFormat]; those of
// version 1, which had other names, are still undone.
//
// Cursors are hints. They are overwritten in place after all else, without a sync,
// and an error in doing so is no error of an Update that had leases to write.
//
// # Earlier boots
//
// A lease file does not say in which boot it was made. If the caller says when the
// present boot began, by [WithBoot], then that is Lease.Boot of each lease dated since. So
// it is, where there is a marker, of an older one whose file was changed since, as by a
// copy. Of others it is empty. The marker holds what SetBoot was given, and nothing else
// writes it.
//
// # Caveats
//
// OwnedBy reads every lease file, some of them at once in several goroutines. So does
// Leases, which reads some two thousand files ahead.
//
// On Linux, Create syncs the whole file system, and waits for what others have
// written to it as well. Elsewhere it syncs each file.
//
// Delete works on a full disk. If a transaction deletes several leases and the journal
// cannot be written, for whatever reason, they are deleted all the same: then, and only
// then, a kill can leave some of them.
//
// If Update returns an error in a transaction that only deletes, leases may be gone, and
// the next Update deletes the rest if there is a journal. One deleted lease alone is
// not brought back if the directory cannot be synced.
//
// Through FUSE, and some network file systems, a lock is known to one mount or client alone.
// Two mounts of one directory are not supported there: an Update may return
// [backend.ErrBusy] because of another that it should have waited for. Yet no two of them
// create the same lease, since a file gets its name by a call that refuses to replace one
// (link(2) where renameat2(2) cannot). A transaction that is interrupted there is left alone
// for ten seconds.
//
// # Stability
//
// Until v1.0 a minor version may change the exported names; the CHANGELOG then lists the
// new ones. The layout is fixed: the stock plugin shares it.
package files
