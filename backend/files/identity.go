package files

import (
	"errors"
	"io/fs"
	"time"
)

// An identity tells a file that a transaction has made, or was going to delete, from a file
// that the stock plugin has put in its place after the transaction was killed.
//
// Inode number, time and content do not always do so. ext4 gives a new file the inode number
// of one just removed, and where times are whole seconds (ext4 with inodes of 128 bytes) a
// lease that is released and made again within the second has the same time as before. The
// handle contains the generation of the inode, which is another one then.
//
// Rejected as marks: the time of last access, which a reader can change; mode bits, which
// would stay on every lease file; a second link, which costs two calls for each file and
// gives the files that are to be deleted a new time of change.
type identity struct {
	inode    uint64
	modified int64 // Unix time in nanoseconds
	handle   string
	content  string
	known    bool // content was recorded
}

const (
	// finest is the unit of time within which no other process can release an address and
	// lease it again. A time that is a multiple of it was cut off by the file system.
	finest = 10 * time.Microsecond

	// coarsest is the unit of FAT. No file system in use has a coarser one.
	coarsest = 2 * time.Second

	// tick is more than the unit in which kernels count the time that they give to a file.
	tick = 100 * time.Millisecond
)

// recurs reports whether a file that is made after the given time can get the time of this
// one because the file system cuts it off. That the clock can be set back, to the very unit
// in which the lease was made, is not considered.
func (id identity) recurs(after time.Time) bool {
	return id.modified%int64(finest) == 0 && id.age(after) < coarsest
}

func (id identity) age(at time.Time) time.Duration { return at.Sub(time.Unix(0, id.modified)) }

// isYoung reports whether a file that the kernel dates can get the time of this one, too.
func (x deleted) isYoung(now time.Time) bool { return x.age(now) < tick || x.recurs(now) }

// identify adds to an identity what tells the file from a later one with the same time.
func (d *dir) identify(name string, id *identity) {
	if d.lockHolds() {
		id.handle = d.handle(name)
	}
	if id.handle != "" || id.known {
		return
	}
	content, _, err := d.read(name, nil, maxContent)
	if err == nil { // Without the content the file is ambiguous more often, and stays.
		id.content, id.known = string(content), true
	}
}

// matches reports whether the file of that name has this identity, as far as can be seen,
// and whether that is proven, so that it cannot be a later file.
//
// Through FUSE, and from servers, inode number and handle can change with a rename or a new
// mount.
func (d *dir) matches(name string, id identity) (same, proven bool, err error) {
	content, i, err := d.inspect(name, id)
	if _, isForeign := foreignOwner(err); isForeign || errors.Is(err, fs.ErrNotExist) {
		return false, false, nil
	}
	if err != nil || !i.mode.IsRegular() || i.modified.UnixNano() != id.modified || content != id.content {
		return false, false, err
	}
	if !d.lockHolds() {
		return true, false, nil
	}
	if i.inode != id.inode {
		return false, false, nil
	}
	now := ""
	if id.handle != "" {
		now = d.handle(name)
	}
	if now == "" {
		return true, false, nil
	}
	return now == id.handle, now == id.handle, nil
}

// inspect reads the content only if it matters.
func (d *dir) inspect(name string, id identity) (string, info, error) {
	if !id.known {
		i, err := d.stat(name)
		return "", i, err
	}
	content, i, err := d.read(name, nil, int64(len(id.content)))
	return string(content), i, err
}

// looksCreated reports whether a file is the one that was created, or one like it: the
// container has its lease either way.
func (d *dir) looksCreated(name string, c created) (bool, error) {
	same, _, err := d.matches(name, c.identity)
	return same, err
}

// isCreated reports whether a file is the one that was created, and may be removed.
func (d *dir) isCreated(j *journal, name string, c created) (bool, error) {
	return d.isRecorded(j, name, c.identity)
}

// isDeleted reports whether a file is the one that was to be deleted.
func (d *dir) isDeleted(j *journal, x deleted) (bool, error) {
	return d.isRecorded(j, x.name, x.identity)
}

// isRecorded is false for a file that may be a later one, which a running container may have:
// to leak an address, which gc repairs, is better than to lease it twice. The journal is then
// set aside, for Verify to report. A transaction of this process has been under the lock all
// the time.
func (d *dir) isRecorded(j *journal, name string, id identity) (bool, error) {
	same, proven, err := d.matches(name, id)
	if err != nil || !same {
		return false, err
	}
	if _, _, isLease := parseName(name); proven || !id.recurs(j.written) || j.own || !isLease {
		return true, nil
	}
	j.ambiguous = true
	return false, nil
}
