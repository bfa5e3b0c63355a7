package backend

import "errors"

// Errors of a store as a whole. They come wrapped, with the path of the store.
var (
	// ErrBusy: the context ended before the lock of the network was
	// obtained, or the lock was not respected by another process. Trying
	// again later can succeed.
	ErrBusy = errors.New("store is locked")

	// ErrClosed: the store was used after Close.
	ErrClosed = errors.New("store is closed")

	// ErrDamaged: what is stored contradicts itself or cannot be decoded.
	// Nothing was written.
	ErrDamaged = errors.New("store is damaged")

	// ErrOtherStore: at the path of the store stands a store of another
	// kind, a directory where a file belongs or the reverse.
	ErrOtherStore = errors.New("another kind of store stands here")

	// ErrFormat: the store was written in a format that this version does
	// not know.
	ErrFormat = errors.New("unknown store format")

	// ErrReplaced: another store took the place of this one, in a migration or a
	// repair, and has its leases. The path leads to the old one through a mount that
	// was made for the store itself, or the old one was put back by hand. Nothing was
	// written, and nothing may be leased from it.
	ErrReplaced = errors.New("this store was replaced by another, which has the leases now")

	// ErrNoSpace: a lease cannot be recorded because the disk, or a quota, is
	// full. Releasing works all the same, but for the file systems that a store
	// names.
	ErrNoSpace = errors.New("no space left for another lease")

	// ErrNames: the file system cannot hold the names that the store needs.
	ErrNames = errors.New("file names of leases are refused")
)

// Errors of single operations within a transaction.
var (
	// ErrNotFound: there is no lease of that address, or no cursor for that
	// range set.
	ErrNotFound = errors.New("not found")

	// ErrExists: the address is leased already.
	ErrExists = errors.New("address is leased already")

	// ErrNoneFree: every address asked about is leased.
	ErrNoneFree = errors.New("no free address")

	// ErrInvalid: an argument cannot be recorded; the text says why.
	ErrInvalid = errors.New("invalid argument")
)
