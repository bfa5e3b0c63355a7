package files

import (
	"errors"
	"io/fs"
	"time"
)

// apply makes all changes or, if it returns an error, none.
func (d *dir) apply(c changeSet) error {
	switch creates, deletes := len(c.creates), len(c.deletes); {
	case creates == 1 && deletes == 0:
		return d.createOne(c.creates[0])
	case creates == 0 && deletes == 1:
		return d.deleteOne(c.deletes[0])
	case creates == 1 && deletes == 1 && c.creates[0].name == c.deletes[0].name:
		return d.replaceOne(c.creates[0])
	case creates == 0:
		return d.deleteAll(c.deletes)
	}
	return d.applyJournaled(c)
}

// createOne needs no journal, because a rename is atomic.
func (d *dir) createOne(c newFile) error {
	made, err := d.prepare(c)
	if err != nil {
		return err
	}
	if err := d.publish(made); err != nil {
		d.discard(made.temp)
		return err
	}
	if err := d.sync(); err != nil {
		d.discard(made.temp) // a second name, where linkNew replaces a rename
		return errors.Join(err, d.remove(c.name))
	}
	return nil
}

// replaceOne replaces a file by another with the same name.
func (d *dir) replaceOne(c newFile) error {
	made, err := d.prepare(c)
	if err != nil {
		return err
	}
	if err := d.rename(made.temp, c.name); err != nil {
		d.discard(made.temp)
		return err
	}
	return d.sync()
}

func (d *dir) deleteOne(x deletedFile) error {
	if !d.lockIsReliable() && x.timeCanRecur(time.Now()) {
		d.identify(x.name, &x.identity)
	}
	if err := d.removeIdentified(x); err != nil {
		return err
	}
	return d.sync()
}

// deleteAll deletes several files. With the journal, a kill leaves none of them. If the journal
// cannot be written, they are deleted anyway, whatever the error: DEL must make room on a full
// disk, and not every file system calls it full (sshfs returns EIO).
func (d *dir) deleteAll(all []deletedFile) error {
	j := &journal{own: true, deleted: d.identifyAll(all)}
	_ = d.writeJournal(j) // Without it, a kill can leave some of the files: see above.
	_, err := d.finish(j)
	return err
}

// identifyAll makes no system call for a lease that is older than the resolution of times.
func (d *dir) identifyAll(all []deletedFile) []deletedFile {
	now := time.Now()
	for i, x := range all {
		if x.isYoung(now) {
			d.identify(x.name, &all[i].identity)
		}
	}
	return all
}

// applyJournaled makes several changes as one. Each sync is there because the steps after it
// must not reach the disk before the steps that precede it.
func (d *dir) applyJournaled(c changeSet) error {
	j := &journal{own: true, deleted: d.identifyAll(c.deletes)}
	err := d.createAll(c.creates, j)
	if err == nil {
		err = d.commitJournal(j)
	}
	if err != nil {
		return d.rollBack(j, err)
	}
	if len(j.deleted) == 0 {
		return nil
	}
	all, err := d.finish(j)
	if err != nil {
		// The transaction is durable. A file that is left to delete keeps its address from
		// being leased until the next Update deletes it.
		d.unfinished = true
		return nil
	}
	if !all {
		return d.fail("create", "", errOvertaken)
	}
	return nil
}

// createAll makes the new files, and gives them their names unless a file to delete has that
// name.
func (d *dir) createAll(all []newFile, j *journal) error {
	for _, c := range all {
		made, err := d.prepare(c)
		if err != nil {
			return err
		}
		if made.timeCanRecur(time.Now()) { // never where the file system keeps nanoseconds
			d.identify(made.temp, &made.identity)
		}
		j.created = append(j.created, made)
	}
	if err := d.writeJournal(j); err != nil {
		return err
	}
	for _, c := range j.created {
		if _, reused := j.deletes(c.name); reused {
			continue
		}
		if err := d.publish(c); err != nil {
			return err
		}
	}
	return nil
}

// writeJournal makes the journal durable, and with it the names of the prepared files.
func (d *dir) writeJournal(j *journal) error {
	if d.journalErr != nil {
		return d.journalErr
	}
	j.text = j.encode()
	made, err := d.prepare(newFile{name: journalName, content: j.text})
	if err != nil {
		return err
	}
	if err := d.publish(made); err != nil {
		d.discard(made.temp)
		return err
	}
	j.file = journalName
	return d.sync()
}

// commitJournal makes sure that the transaction will not be undone any more. If there is
// nothing to delete, that completes it. Otherwise it writes a redo journal: only after that may
// files be deleted, because a restored file would have the present time.
func (d *dir) commitJournal(j *journal) error {
	if len(j.deleted) > 0 {
		return d.rewrite(j, true)
	}
	if err := d.sync(); err != nil {
		return err
	}
	if err := d.claim(j); err != nil {
		return err
	}
	if err := d.remove(j.file); err != nil {
		return err
	}
	return d.sync()
}

// rewrite replaces the journal by one that says redo, or undo.
func (d *dir) rewrite(j *journal, redo bool) error {
	next := *j
	next.redo, next.claimed, next.file = redo, false, journalName
	next.text = next.encode()
	made, err := d.prepare(newFile{name: journalName, content: next.text})
	if err != nil {
		return err
	}
	if err := d.claim(j); err != nil {
		d.discard(made.temp)
		return err
	}
	replace := d.rename
	if j.claimed {
		replace = d.renameNew
	}
	if err := replace(made.temp, journalName); err != nil {
		d.discard(made.temp)
		return err
	}
	if j.claimed {
		d.discard(j.file)
	}
	*j = next
	return d.sync()
}

// rollBack undoes the transaction after an error. If that fails too, the next Update undoes or
// finishes it.
func (d *dir) rollBack(j *journal, err error) error {
	if j.redo {
		rewriteErr := d.rewrite(j, false)
		if err = errors.Join(err, rewriteErr); j.redo {
			return err
		}
	}
	return errors.Join(err, d.undo(j))
}

// finish completes a transaction that will not be undone any more, and reports whether the new
// files have their names. It can be interrupted and repeated, because the journal goes last.
func (d *dir) finish(j *journal) (published bool, err error) {
	published, err = d.publishRest(j)
	if err != nil {
		return false, err
	}
	if err := d.removeDeleted(j, published); err != nil {
		return false, err
	}
	if err := d.sync(); err != nil {
		return false, err
	}
	if err := d.dropJournal(j); err != nil || len(j.created) == 0 {
		return true, err // If a power cut brings the journal back, its files are already deleted.
	}
	return published, d.sync()
}

// removeDeleted continues after an error, to release as much as possible. If the new files have
// their names, some may be names of deleted files.
func (d *dir) removeDeleted(j *journal, published bool) error {
	var errs []error
	for _, x := range j.deleted {
		if !published || !j.creates(x.name) {
			errs = append(errs, d.removeDeletedOne(j, x))
		}
	}
	return errors.Join(errs...)
}

func (d *dir) removeDeletedOne(j *journal, x deletedFile) error {
	if !j.own {
		if same, err := d.isDeleted(j, x); err != nil || !same {
			return err
		}
	}
	return d.removeIdentified(x)
}

// publishRest gives the remaining new files their names. It returns false if not all of them
// can have theirs, because the stock plugin has released the owner or leased one of the
// addresses since the process was killed. Then none is left, as if the owner had been released.
func (d *dir) publishRest(j *journal) (all bool, err error) {
	rest, all, err := d.unpublished(j)
	if err != nil {
		return false, err
	}
	if !all {
		return false, d.removeCreated(j)
	}
	for _, c := range rest {
		if err := d.rename(c.temp, c.name); err != nil {
			return false, err
		}
	}
	return true, nil
}

// unpublished returns the new files that do not have their names yet. It returns false if not
// all of them can have theirs.
func (d *dir) unpublished(j *journal) (rest []createdFile, all bool, err error) {
	for _, c := range j.created {
		published, err := d.looksCreated(c.name, c)
		if err != nil {
			return nil, false, err
		}
		if published {
			continue
		}
		ready, err := d.isReady(c, j)
		if err != nil || !ready {
			return nil, false, err
		}
		rest = append(rest, c)
	}
	return rest, true, nil
}

// isReady reports whether a new file can get its name: nothing has that name, or a file that
// the transaction deletes.
func (d *dir) isReady(c createdFile, j *journal) (bool, error) {
	if ours, err := d.isCreated(j, c.temp, c); err != nil || !ours {
		return false, err
	}
	_, err := d.stat(c.name)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	x, ok := j.deletes(c.name)
	if err != nil || !ok {
		return false, err
	}
	return d.isDeleted(j, x)
}
