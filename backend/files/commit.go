package files

import "errors"

// apply makes a change, wholly or, if it returns an error, not at all.
func (d *dir) apply(c change) error {
	switch creates, deletes := len(c.creates), len(c.deletes); {
	case creates == 1 && deletes == 0:
		return d.createOne(c.creates[0])
	case creates == 0 && deletes == 1:
		return d.deleteEach(c.deletes)
	case creates == 1 && deletes == 1 && c.creates[0].name == c.deletes[0]:
		return d.replaceOne(c.creates[0])
	}
	j := &journal{deleted: c.deletes}
	err := d.applyJournaled(c, j)
	if err == nil {
		return nil
	}
	if undoErr := d.undo(j); undoErr != nil {
		return errors.Join(err, undoErr) // The next Update tries again.
	}
	if len(c.creates) == 0 && isNoSpace(err) {
		return d.deleteEach(c.deletes)
	}
	return err
}

// createOne needs no journal: a rename is done or not.
func (d *dir) createOne(c create) error {
	temp := newPrefix + c.name
	if _, err := d.prepare(c); err != nil {
		return err
	}
	if err := d.renameNew(temp, c.name); err != nil {
		d.discard(temp)
		return err
	}
	if err := d.sync(); err != nil {
		return errors.Join(err, d.remove(c.name))
	}
	return nil
}

// replaceOne puts a file in the place of another.
func (d *dir) replaceOne(c create) error {
	temp := newPrefix + c.name
	if _, err := d.prepare(c); err != nil {
		return err
	}
	if err := d.rename(temp, c.name); err != nil {
		d.discard(temp)
		return err
	}
	return d.sync()
}

// deleteEach deletes one file after the other. That needs no space on the disk.
func (d *dir) deleteEach(names []string) error {
	for _, name := range names {
		if err := ignoreNotExist(d.remove(name)); err != nil {
			return err
		}
	}
	return d.sync()
}

// applyJournaled makes several changes at once. Each sync is there because what
// comes after it must not be on the disk before what comes before it.
func (d *dir) applyJournaled(c change, j *journal) error {
	for _, c := range c.creates {
		made, err := d.prepare(c)
		if err != nil {
			return err
		}
		j.created = append(j.created, made)
	}
	if err := d.writeJournal(j); err != nil {
		return err
	}
	if err := d.change(j); err != nil {
		return err
	}
	if err := d.remove(journalName); err != nil {
		return err
	}
	if err := d.sync(); err != nil {
		return err
	}
	for _, name := range j.deleted {
		d.discard(oldPrefix + name)
	}
	return nil
}

// writeJournal makes the journal durable, and the names of the prepared files too.
func (d *dir) writeJournal(j *journal) error {
	if _, err := d.prepare(create{name: journalName, content: j.encode()}); err != nil {
		return err
	}
	if err := d.rename(newPrefix+journalName, journalName); err != nil {
		return err
	}
	return d.sync()
}

// change does what the journal can undo. It sets files that are to be deleted
// aside, so that to restore them takes no space on the disk, and the stock plugin,
// which goes by what a file holds, can release them all the same.
func (d *dir) change(j *journal) error {
	for _, name := range j.deleted {
		if err := ignoreNotExist(d.rename(name, oldPrefix+name)); err != nil {
			return err
		}
	}
	if j.reuses() {
		// A new file must not take the name of an old one that, as far as
		// the disk is concerned, still has no other.
		if err := d.sync(); err != nil {
			return err
		}
	}
	for _, c := range j.created {
		if err := d.renameNew(newPrefix+c.name, c.name); err != nil {
			return err
		}
	}
	return d.sync()
}
