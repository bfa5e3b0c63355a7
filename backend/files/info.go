package files

import (
	"io/fs"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/sentinel"
)

// An info describes a file, without its content.
type info struct {
	mode     fs.FileMode // the type only
	modified time.Time
	changed  time.Time // the ctime: renaming the file or setting its times changes it, too
	inode    uint64    // zero on systems without inodes
	earlier  bool      // the sticky bit: see tx.bootOf
}

// readable returns a foreignError unless this is a regular file of at most limit bytes.
func (i info) readable(size, limit int64) error {
	if !i.mode.IsRegular() {
		return foreignKind(i.mode)
	}
	if size > limit {
		return largeFile
	}
	return nil
}

// asDeleted identifies this file as one to delete.
func (i info) asDeleted(name string) deletedFile {
	return deletedFile{name, identity{inode: i.inode, modified: i.modified.UnixNano()}}
}

// ErrForeign is a [backend.ErrDamaged]: something other than a regular file, or a file too large to be
// one of a store, has the name of a file of the store. The text names it and the next step: no repair
// helps, because only the operator can know whose it is.
var ErrForeign = sentinel.Kind(backend.ErrDamaged, "something else has the name of a file of the store")

// A foreignError is an [ErrForeign] that says what has the name. Neither the stock plugin nor this
// package makes such things. If it is the name of a lease file, all that is known is that the address is
// taken.
type foreignError string

func (e foreignError) Error() string {
	return "is a " + string(e) + ", which no plugin makes: move it out of the store"
}

// Unwrap returns [ErrForeign].
func (e foreignError) Unwrap() error { return ErrForeign }

// Things that can have the name of a file of the store.
const (
	directory    foreignError = "directory"
	symbolicLink foreignError = "symbolic link"
	namedPipe    foreignError = "named pipe"
	socket       foreignError = "socket"
	device       foreignError = "device"
	specialFile  foreignError = "special file"
	largeFile    foreignError = "large file"
)

func foreigners() []foreignError {
	return []foreignError{directory, symbolicLink, namedPipe, socket, device, specialFile, largeFile}
}

func foreignKind(mode fs.FileMode) foreignError {
	switch {
	case mode.IsDir():
		return directory
	case mode&fs.ModeSymlink != 0:
		return symbolicLink
	case mode&fs.ModeNamedPipe != 0:
		return namedPipe
	case mode&fs.ModeSocket != 0:
		return socket
	case mode&fs.ModeDevice != 0:
		return device
	}
	return specialFile
}
