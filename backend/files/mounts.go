package files

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// On some file systems a lock is known to one mount, or one client, and not to others:
// through two bindfs mounts of one directory two transactions run at once. That is not
// supported, and yet no address may be answered twice. So a lease file gets its name by a
// call that fails where there is one (renameNew); a journal is taken away, in one step,
// before anything is done that is only right if nobody else does the opposite (take); and what
// another process may still be working on is left alone for a while.

// errOvertaken: another process has meanwhile done what the lock should have kept it from.
var errOvertaken = fmt.Errorf("%w: another process is at work in this directory with another lock; "+
	"on this file system a lock can be known to one mount only", backend.ErrBusy)

// A mount is what matters of the mount that a directory is reached through.
type mount struct {
	// shared: a lock of the directory is known to all who use it.
	shared bool

	// alive is how long a file that has not changed is taken for the work of a living
	// process. A longer transaction fails, and that is all.
	alive time.Duration
}

const (
	longestWork = 10 * time.Second

	// pause is how long to wait before looking again.
	pause = 10 * time.Millisecond
)

func (d *dir) lockHolds() bool {
	if d.mount == nil {
		d.mount = &mount{shared: d.locksAreShared(), alive: longestWork}
	}
	return d.mount.shared
}

// isInUse reports whether another process may be working on a file now.
func (d *dir) isInUse(name string) bool {
	if d.lockHolds() {
		return false
	}
	i, err := d.stat(name)
	if err != nil {
		return false // It is gone, or whoever uses it next meets the error.
	}
	latest := i.modified
	if i.changed.After(latest) {
		latest = i.changed
	}
	return time.Since(latest).Abs() < d.mount.alive // Another machine may have set the time.
}

// isAlive reports whether another process may be at work on one of the transactions. Then
// it has waited a little.
func (d *dir) isAlive(ctx context.Context, all []*journal) bool {
	for _, j := range all {
		if !d.isInUse(j.file) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		return true
	}
	return false
}

// take makes sure that no other process ends the transaction, or returns errOvertaken if one
// does. Where the lock holds there is nothing to do.
func (d *dir) take(j *journal) error {
	if j.file == "" || j.taken || d.lockHolds() {
		return nil
	}
	name := passingPrefix + newToken()
	if err := d.rename(j.file, name); err != nil {
		if isNoSpace(err) {
			return nil // As in removeAside: a transaction that only deletes has to end.
		}
		if ignoreNotExist(err) == nil {
			j.file, err = "", errOvertaken
		}
		return err
	}
	text, _, err := d.read(name, nil, int64(len(j.text)))
	if err == nil && string(text) == j.text {
		j.file, j.taken = name, true
		return nil
	}
	// It is the journal of another transaction, whose process may miss it by now, and then
	// gives up.
	file := j.file
	j.file = ""
	return errors.Join(errOvertaken, d.renameNew(name, file))
}

// removeAside removes a file where another process can give the name to another file just
// before: the file is looked at once it has a name that no other process uses.
func (d *dir) removeAside(x deleted) error {
	name := passingPrefix + newToken()
	err := d.rename(x.name, name)
	if isNoSpace(err) {
		// Another name takes space, as in fuse2fs, and a lease has to end without. That another
		// process gives the name to a file of its own takes space, too.
		return d.removeIfSame(x)
	}
	if err != nil {
		return ignoreNotExist(err)
	}
	same, _, err := d.matches(name, x.identity)
	if same {
		return ignoreNotExist(d.remove(name))
	}
	return errors.Join(err, d.renameNew(name, x.name))
}

func (d *dir) removeIfSame(x deleted) error {
	same, _, err := d.matches(x.name, x.identity)
	if err != nil || !same {
		return err
	}
	return ignoreNotExist(d.remove(x.name))
}

// removeRevived removes a file of a lower layer that has its name again, after the removal of
// the deleted file, which began at that time. fuse-overlayfs 1.10 makes a whiteout when a file
// of a lower layer is removed, but none when the file is that was renamed onto it, or onto its
// whiteout, unless it has listed the directory in between. Without this, to take back an ADD,
// or to release an address by the tool, would bring back a lease that ended long ago.
//
// A lease that another mount has made meanwhile is younger than both times.
func (d *dir) removeRevived(x deleted, began time.Time) error {
	i, err := d.stat(x.name)
	if err != nil {
		return ignoreNotExist(err)
	}
	latest := i.changed.Add(coarsest)
	if !i.mode.IsRegular() || !latest.Before(began) || !latest.Before(time.Unix(0, x.modified)) {
		return nil
	}
	return ignoreNotExist(d.remove(x.name))
}
