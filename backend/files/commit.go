package files

import (
	"errors"
	"io/fs"
	"time"
)

// apply makes a change, wholly or, if it returns an error, not at all.
func (d *dir) apply(c change) error {
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

// createOne needs no journal: a rename is done or not.
func (d *dir) createOne(c create) error {
	made, err := d.prepare(c)
	if err != nil {
		return err
	}
	if err := d.place(made); err != nil {
		d.discard(made.temp)
		return err
	}
	if err := d.sync(); err != nil {
		d.discard(made.temp) // which is a second name where there is no rename for this
		return errors.Join(err, d.remove(c.name))
	}
	return nil
}

// replaceOne puts a file in the place of another.
func (d *dir) replaceOne(c create) error {
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

func (d *dir) deleteOne(x deleted) error {
	if !d.lockHolds() && x.recurs(time.Now()) {
		d.identify(x.name, &x.identity)
	}
	if err := d.removeOwn(x); err != nil {
		return err
	}
	return d.sync()
}

// deleteAll deletes several files. With the journal a kill leaves none of them. Where it
// cannot be written they are deleted all the same, whatever the error is: a full disk is
// what DEL makes room on, and not every file system calls it that (sshfs says EIO).
func (d *dir) deleteAll(all []deleted) error {
	j := &journal{own: true, deleted: d.identifyAll(all)}
	_ = d.writeJournal(j) // See above: a kill can then leave some of the files.
	_, err := d.finish(j)
	return err
}

// identifyAll costs no call for a lease that is older than the units in which times count.
func (d *dir) identifyAll(all []deleted) []deleted {
	now := time.Now()
	for i, x := range all {
		if x.isYoung(now) {
			d.identify(x.name, &all[i].identity)
		}
	}
	return all
}

// applyJournaled makes several changes at once. Each sync is there because what
// comes after it must not be on the disk before what comes before it.
func (d *dir) applyJournaled(c change) error {
	j := &journal{own: true, deleted: d.identifyAll(c.deletes)}
	err := d.createAll(c.creates, j)
	if err == nil {
		err = d.commit(j)
	}
	if err != nil {
		return d.takeBack(j, err)
	}
	if len(j.deleted) == 0 {
		return nil
	}
	all, err := d.finish(j)
	if err != nil {
		// The transaction is durable, and its leases are the owner's. What is left to
		// delete keeps addresses from being leased until the next Update deletes it.
		d.unfinished = true
		return nil
	}
	if !all {
		return d.fail("create", "", errOvertaken)
	}
	return nil
}

// createAll makes the new files, but for those in whose place there is one to be deleted.
func (d *dir) createAll(all []create, j *journal) error {
	for _, c := range all {
		made, err := d.prepare(c)
		if err != nil {
			return err
		}
		if made.recurs(time.Now()) { // as it does not where times are as fine as our clock
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
		if err := d.place(c); err != nil {
			return err
		}
	}
	return nil
}

// writeJournal makes the journal durable, and the names of the prepared files too.
func (d *dir) writeJournal(j *journal) error {
	j.text = j.encode()
	made, err := d.prepare(create{name: journalName, content: j.text})
	if err != nil {
		return err
	}
	if err := d.place(made); err != nil {
		d.discard(made.temp)
		return err
	}
	j.file = journalName
	return d.sync()
}

// commit makes sure that the transaction is not undone any more. If there is nothing to
// delete it is done then. Otherwise the journal says so: only from then on may files be
// deleted, since to bring one back would give it the time of the present.
func (d *dir) commit(j *journal) error {
	if len(j.deleted) > 0 {
		return d.rewrite(j, true)
	}
	if err := d.sync(); err != nil {
		return err
	}
	if err := d.take(j); err != nil {
		return err
	}
	if err := d.remove(j.file); err != nil {
		return err
	}
	return d.sync()
}

// rewrite puts in the place of the journal one that says redo, or undo.
func (d *dir) rewrite(j *journal, redo bool) error {
	next := *j
	next.redo, next.taken, next.file = redo, false, journalName
	next.text = next.encode()
	made, err := d.prepare(create{name: journalName, content: next.text})
	if err != nil {
		return err
	}
	if err := d.take(j); err != nil {
		d.discard(made.temp)
		return err
	}
	replace := d.rename
	if j.taken {
		replace = d.renameNew
	}
	if err := replace(made.temp, journalName); err != nil {
		d.discard(made.temp)
		return err
	}
	if j.taken {
		d.discard(j.file)
	}
	*j = next
	return d.sync()
}

// takeBack undoes the transaction after an error. If that fails too, the next Update
// ends it.
func (d *dir) takeBack(j *journal, err error) error {
	if j.redo {
		rewriteErr := d.rewrite(j, false)
		if err = errors.Join(err, rewriteErr); j.redo {
			return err
		}
	}
	return errors.Join(err, d.undo(j))
}

// finish carries on a transaction that is not undone any more, and reports whether the new
// files have their names. It can itself be interrupted and done again: the journal goes last.
func (d *dir) finish(j *journal) (placed bool, err error) {
	placed, err = d.placeRest(j)
	if err != nil {
		return false, err
	}
	if err := d.removeDeleted(j, placed); err != nil {
		return false, err
	}
	if err := d.sync(); err != nil {
		return false, err
	}
	if err := d.dropJournal(j); err != nil || len(j.created) == 0 {
		return true, err // If the journal comes back in a power cut, what it deletes is not there.
	}
	return placed, d.sync()
}

// removeDeleted goes on after an error, so that as much as possible is released. If the new
// files have their names, some may be those of deleted ones.
func (d *dir) removeDeleted(j *journal, placed bool) error {
	var errs []error
	for _, x := range j.deleted {
		if !placed || !j.creates(x.name) {
			errs = append(errs, d.removeDeletedOne(j, x))
		}
	}
	return errors.Join(errs...)
}

func (d *dir) removeDeletedOne(j *journal, x deleted) error {
	if !j.own {
		if same, err := d.isDeleted(j, x); err != nil || !same {
			return err
		}
	}
	return d.removeOwn(x)
}

// placeRest gives the new files their names that do not have them yet. It is false if
// not all can have them: the stock plugin, which can have been at work between a kill and
// now, has released the owner or leased one of the addresses. Then none is left, as if
// the owner had been released.
func (d *dir) placeRest(j *journal) (all bool, err error) {
	rest, all, err := d.rest(j)
	if err != nil {
		return false, err
	}
	if !all {
		return false, d.uncreateAll(j)
	}
	for _, c := range rest {
		if err := d.rename(c.temp, c.name); err != nil {
			return false, err
		}
	}
	return true, nil
}

// rest returns those of the new files that are still to get their names, and whether the
// others have theirs.
func (d *dir) rest(j *journal) (rest []created, all bool, err error) {
	for _, c := range j.created {
		placed, err := d.looksCreated(c.name, c)
		if err != nil {
			return nil, false, err
		}
		if placed {
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

// isReady reports whether a new file can get its name: nothing has that, or what the
// transaction deletes.
func (d *dir) isReady(c created, j *journal) (bool, error) {
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
