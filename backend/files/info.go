package files

import (
	"io/fs"
	"time"
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

// A foreignError says what has the name of a lease file. Neither the stock plugin nor this
// package makes such things, so all that is known is that the address is taken.
type foreignError string

func (e foreignError) Error() string { return "is a " + string(e) }

// Things that can have the name of a lease file.
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
