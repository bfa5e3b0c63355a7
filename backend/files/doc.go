// Package files keeps the leases of one network in one directory, a file for each
// address: the layout of the CNI project's host-local plugin, to the byte.
//
// The stock plugin and this package can work on the same directory at the same
// time, and each sees the leases of the other. What the stock plugin lacks is done
// here: a lease file appears whole or not at all, and a transaction that was
// killed leaves all of its leases or none.
//
//	store, err := files.Open("/var/lib/cni/networks/podnet")
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	err = store.Update(ctx, func(tx backend.Tx) error { ... })
//
// Open touches nothing. View writes nothing, ever. The first Update creates the
// directory, mode 0755, and the lock file. [Create] makes a store that holds many
// leases from the beginning, those of another store for instance.
//
// # Layout
//
// A lease is a file that is named as its address, and holds the container ID and the
// name of the interface. Beside them lie the cursors, the lock, a marker that names a
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
// Several changes need a journal, which lists what is created and what is deleted. In
// this order: the new files and the journal are written aside and synced; the
// journal gets its name; the directory is synced. Files to be deleted are renamed
// to .leasehold-old, new ones to their names, and the directory is synced. The
// journal is removed, the directory synced, and Update returns. For k new files
// that is k+4 syncs, and one more if a file is deleted and made anew.
//
// The next Update that finds a journal takes back what it is about. A file that it
// says was created is removed if inode, time and content are still the same: in
// between, the stock plugin, which knows of no journal, can have released the
// address and leased it again. A deleted file gets its name back unless another
// has it by then. It is found again because it was renamed and not removed; for
// the same reason the stock plugin, which releases whatever files hold the ID of
// the container, can release it meanwhile for good. A View that finds a journal
// shows the directory as it will be after that.
//
// The sticky bit of the lock file says that all of this is done and synced. An Update
// that finds it missing, because somebody was killed or a stock plugin has made the
// directory, first syncs the directory and those above it.
//
// A journal that fails its checksum was damaged by the disk. Then deleted files
// get their names back and created ones stay: rather is an address leaked than
// leased twice. The journal is set aside, Verify speaks of it, and the store goes
// on working. A journal of another version gives [backend.ErrFormat].
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
// On a full disk Delete works as long as it is one lease that a transaction
// deletes. If it is several and there is no space for the journal, they are
// deleted one by one: then, and only then, a kill can leave some of them.
//
// If the disk fails to sync what a transaction has deleted or replaced, Update
// returns the error, but one deleted lease alone is not brought back.
package files
