package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/sentinel"
)

// On some file systems a lock is known to one mount or client only: through two bindfs mounts of
// one directory, two transactions run at once. That is not supported, but even so no address may be
// leased twice. So a lease file gets its name by a call that fails if the name exists (renameNew); a
// process moves a journal away, atomically, before it undoes or finishes the transaction (claim);
// and files that another process may still be working on are left alone for a while (isInUse).
// A process that is not on such a mount learns of those that are by a bit of the lock file (otherLocks).

// errOvertaken: another process has made a change that the lock should have prevented.
var errOvertaken = sentinel.Kind(backend.ErrBusy, "another process is using this directory under another lock; "+
	"on some file systems a lock is known to one mount only")

// overtaken adds errOvertaken to the error of a file that is gone. Another process has removed it that uses
// another lock: a temporary file, say, that it took for left over. Through which of two mounts such a
// process works does not matter, so the reliability of this one's lock does not either.
func (d *dir) overtaken(err error) error {
	known := errors.Is(err, backend.ErrBusy) || errors.Is(err, backend.ErrNames)
	if known || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%w: %w", errOvertaken, err)
}

// A mount is what matters about the mount through which a directory is reached.
type mount struct {
	// reliable: a lock of the directory is known to all processes that use it.
	reliable bool

	// alive is how long an unchanged file counts as the work of a running process. A
	// transaction that takes longer fails, and does no harm.
	alive time.Duration
}

const (
	maxWork    = 10 * time.Second
	retryDelay = 10 * time.Millisecond
)

// otherLocks is a bit of the mode of the lock file: the store was used through a mount whose locks the
// other mounts may not know. It stays.
const otherLocks = fs.ModeSetuid

// lockIsReliable may be called once the directory is locked.
func (d *dir) lockIsReliable() bool {
	if d.mount == nil {
		d.mount = &mount{reliable: d.locksAreReliable() && !d.hasOtherLocks(), alive: maxWork}
	}
	return d.mount.reliable
}

func (d *dir) hasOtherLocks() bool {
	if d.lock == nil {
		return false // This is a View of a store that no process has locked.
	}
	mode, err := durable.FreshMode(d.lock)
	return err != nil || mode&otherLocks != 0
}

// isInUse reports whether another process may be working on a file now.
func (d *dir) isInUse(name string) bool {
	if d.lockIsReliable() {
		return false
	}
	i, err := d.stat(name)
	if err != nil {
		return false // It is gone, or using it will return the error.
	}
	latest := i.modified
	if i.changed.After(latest) {
		latest = i.changed
	}
	return time.Since(latest).Abs() < d.mount.alive // Another machine may have set the time.
}

// waitIfInUse reports whether another process may be working on one of the transactions, and in
// that case waits a little.
func (d *dir) waitIfInUse(ctx context.Context, all []*journal) bool {
	for _, j := range all {
		if !d.isInUse(j.file) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryDelay):
		}
		return true
	}
	return false
}

// claim makes sure that no other process ends the transaction, or returns errOvertaken if one
// does. Where the lock is reliable, it does nothing.
func (d *dir) claim(j *journal) error {
	if j.file == "" || j.claimed || d.lockIsReliable() {
		return nil
	}
	name := claimedPrefix + newToken()
	if err := d.rename(j.file, name); err != nil {
		if isNoSpace(err) {
			return nil // As in claimAndRemove: a transaction that only deletes must succeed.
		}
		if ignoreNotExist(err) == nil {
			j.file, err = "", errOvertaken
		}
		return err
	}
	text, _, err := d.read(name, nil, int64(len(j.text)))
	if err == nil && string(text) == j.text {
		j.file, j.claimed = name, true
		return nil
	}
	// It is the journal of another transaction. If its process has missed it meanwhile, that
	// process gives up.
	file := j.file
	j.file = ""
	return errors.Join(errOvertaken, d.renameNew(name, file))
}

// claimAndRemove removes a file where another process can give its name to another file at any
// moment: it examines the file once it has a name that no other process uses.
func (d *dir) claimAndRemove(x deletedFile) error {
	name := claimedPrefix + newToken()
	err := d.rename(x.name, name)
	if isNoSpace(err) {
		// Renaming takes space, as with fuse2fs, and a release must not need any. For another
		// process to give the name to a new file takes space, too.
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

func (d *dir) removeIfSame(x deletedFile) error {
	same, _, err := d.matches(x.name, x.identity)
	if err != nil || !same {
		return err
	}
	return ignoreNotExist(d.remove(x.name))
}

// removeRevived removes a file of a lower layer that reappears after the deleted file was
// removed, which began at the given time. fuse-overlayfs 1.10 makes a whiteout when a file of a
// lower layer is removed, but not when a file is removed that was renamed onto it or onto its
// whiteout, unless the directory was listed in between. Without this, undoing an ADD or
// releasing an address with the tool would bring back a lease that ended long ago.
//
// A lease made meanwhile through another mount is younger than both times.
func (d *dir) removeRevived(x deletedFile, began time.Time) error {
	i, err := d.stat(x.name)
	if err != nil {
		return ignoreNotExist(err)
	}
	latest := i.changed.Add(coarsestUnit)
	if !i.mode.IsRegular() || !latest.Before(began) || !latest.Before(time.Unix(0, x.modified)) {
		return nil
	}
	return ignoreNotExist(d.remove(x.name))
}
