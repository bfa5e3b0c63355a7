package backend

import "errors"

// Errors of a store as a whole. They are wrapped with the path of the store.
var (
	// ErrBusy: the context ended before the lock of the network was obtained, or another
	// process ignored the lock. Trying again later can succeed.
	ErrBusy = errors.New("store is locked")

	// ErrClosed: the store was used after Close.
	ErrClosed = errors.New("store is closed")

	// ErrDamaged: the stored data contradicts itself or cannot be decoded. Nothing was
	// written.
	ErrDamaged = errors.New("store is damaged")

	// ErrOtherStore: the path of the store has a store of another kind, a directory instead
	// of a file or the reverse.
	ErrOtherStore = errors.New("another kind of store is at this path")

	// ErrFormat: the store has a format that this version does not know.
	ErrFormat = errors.New("unknown store format")

	// ErrReplaced: another store took the place of this one, in a migration or a repair,
	// and has its leases now. The path leads to the old store because that is mounted there
	// itself, or because it was put back by hand. Nothing was written, and no address may
	// be leased from it.
	ErrReplaced = errors.New("this store was replaced by another, which has the leases now")

	// ErrNoSpace: a lease cannot be recorded because the disk or a quota is full. Releasing
	// still works, except on the file systems that the store's documentation names.
	ErrNoSpace = errors.New("no space left for another lease")

	// ErrNotShareable: this kind of store cannot be shared by several hosts.
	ErrNotShareable = errors.New("this kind of store cannot be shared by several hosts; bolt can")

	// ErrNames: the file system cannot hold the names that the store needs.
	ErrNames = errors.New("the file system rejects file names of leases")
)

// Errors of single operations within a transaction.
var (
	// ErrNotFound: the address has no lease, or the range set no cursor.
	ErrNotFound = errors.New("not found")

	// ErrExists: the address is already leased.
	ErrExists = errors.New("address is already leased")

	// ErrNoneFree: every address of the range is leased.
	ErrNoneFree = errors.New("no free address")

	// ErrNotHeld: the store is shared with other hosts, and the address is in no block that
	// is open on this one.
	ErrNotHeld = errors.New("address is in no block that this host holds")

	// ErrLeased: the block cannot be removed, because addresses in it are leased.
	ErrLeased = errors.New("addresses of the block are leased")

	// ErrInvalid: an argument cannot be recorded; the text says why.
	ErrInvalid = errors.New("invalid argument")
)
