package files

import (
	"errors"
	"io/fs"
	"time"
)

// An identity distinguishes a file that a transaction has made, or was going to delete, from a
// file that the stock plugin has put in its place after the transaction was killed.
//
// Inode number, time and content do not always suffice. ext4 gives a new file the inode number
// of one just removed, and where times are whole seconds (ext4 with inodes of 128 bytes) a
// lease that is released and made again within a second has the same time as before. The handle
// contains the inode generation, which differs then.
//
// Rejected as marks: the access time, which a reader can change; mode bits, which would stay on
// every lease file; a second link, which costs two calls for each file and changes the ctime of
// the files to delete.
type identity struct {
	inode      uint64
	modified   int64 // Unix time in nanoseconds
	handle     string
	content    string
	hasContent bool // the content was recorded
}

const (
	// finestUnit is the time within which no other process can release an address and lease it
	// again. A file system that truncates times to less than that keeps them apart.
	finestUnit = 10 * time.Microsecond

	// coarsestUnit is the resolution of times on FAT. No file system in use has a coarser one.
	coarsestUnit = 2 * time.Second

	// kernelTick is longer than the tick of any kernel's file time stamps.
	kernelTick = 100 * time.Millisecond
)

// timeCanRecur reports whether a file that is made after the given time can get the same time,
// if the file system truncates it. A clock that was set back to just that unit of time is not
// considered.
func (id identity) timeCanRecur(after time.Time) bool {
	return isMultiple(id.modified) && id.age(after) < coarsestUnit
}

// isMultiple reports whether the time, in nanoseconds, can have been truncated. One in 10,000
// times is a multiple of finestUnit by chance, and so is a time in whole seconds that a Put was
// given.
func isMultiple(nanoseconds int64) bool { return nanoseconds%int64(finestUnit) == 0 }

func (id identity) age(at time.Time) time.Duration { return at.Sub(time.Unix(0, id.modified)) }

// isYoung reports whether a later file that gets its time from the kernel can have the same
// time.
func (x deletedFile) isYoung(now time.Time) bool {
	return x.age(now) < kernelTick || x.timeCanRecur(now)
}

// identify adds what distinguishes the file from a later one with the same time.
func (d *dir) identify(name string, id *identity) {
	if d.lockIsReliable() {
		id.handle = d.handle(name)
	}
	if id.handle != "" || id.hasContent {
		return
	}
	content, _, err := d.read(name, nil, maxContent)
	if err == nil { // Without the content, the file is ambiguous more often, and then stays.
		id.content, id.hasContent = string(content), true
	}
}

// matches reports whether the file of that name has this identity, as far as can be seen, and
// whether that is proven, so that it cannot be a later file: by the handle, or by a ctime that
// is not truncated. A later file has both times from the same clock, so its modification time
// would not be truncated either.
//
// On FUSE and network file systems, inode number and handle can change with a rename or a new
// mount.
func (d *dir) matches(name string, id identity) (same, proven bool, err error) {
	content, i, err := d.inspect(name, id)
	if _, isForeign := foreignOwner(err); isForeign || errors.Is(err, fs.ErrNotExist) {
		return false, false, nil
	}
	if err != nil || !i.mode.IsRegular() || i.modified.UnixNano() != id.modified || content != id.content {
		return false, false, err
	}
	proven = !isMultiple(i.changed.UnixNano())
	if !d.lockIsReliable() {
		return true, proven, nil
	}
	if i.inode != id.inode {
		return false, false, nil
	}
	now := ""
	if id.handle != "" {
		now = d.handle(name)
	}
	if now == "" {
		return true, proven, nil
	}
	return now == id.handle, now == id.handle, nil
}

// inspect reads the content only if the identity has one.
func (d *dir) inspect(name string, id identity) (string, info, error) {
	if !id.hasContent {
		i, err := d.stat(name)
		return "", i, err
	}
	content, i, err := d.read(name, nil, int64(len(id.content)))
	return string(content), i, err
}

// looksCreated reports whether a file is the created one, or like it: either way the container
// has its lease.
func (d *dir) looksCreated(name string, c createdFile) (bool, error) {
	same, _, err := d.matches(name, c.identity)
	return same, err
}

// isCreated reports whether a file is the created one, and may be removed.
func (d *dir) isCreated(j *journal, name string, c createdFile) (bool, error) {
	return d.isRecorded(j, name, c.identity)
}

// isDeleted reports whether a file is the one to delete.
func (d *dir) isDeleted(j *journal, x deletedFile) (bool, error) {
	return d.isRecorded(j, x.name, x.identity)
}

// isRecorded returns false for a file that may be a later one, which a running container may
// hold: leaking an address, which gc can reclaim, is better than leasing it twice. The journal
// is then set aside for Verify to report. A transaction of this process has held the lock all
// the time, so its files are not ambiguous.
func (d *dir) isRecorded(j *journal, name string, id identity) (bool, error) {
	same, proven, err := d.matches(name, id)
	if err != nil || !same {
		return false, err
	}
	if _, _, isLease := parseName(name); proven || !id.timeCanRecur(j.written) || j.own || !isLease {
		return true, nil
	}
	j.ambiguous = true
	return false, nil
}
