package files

import (
	"errors"
	"io/fs"
)

// recover undoes a transaction that was interrupted.
func (d *dir) recover() error {
	j, err := d.journal()
	if err != nil || j == nil {
		return err
	}
	if err := d.changing(); err != nil {
		return err
	}
	return d.undo(j)
}

// undo takes back what the journal is about. It can itself be interrupted and
// done again: the journal goes last.
func (d *dir) undo(j *journal) error {
	for _, c := range j.created {
		if err := d.uncreate(c); err != nil {
			return err
		}
	}
	for _, name := range j.deleted {
		if err := d.restore(name); err != nil {
			return err
		}
	}
	if err := d.sync(); err != nil {
		return err
	}
	for _, c := range j.created {
		d.discard(newPrefix + c.name)
	}
	return d.dropJournal(j)
}

func (d *dir) uncreate(c created) error {
	ours, err := d.isOurs(c)
	if err != nil || !ours {
		return err
	}
	return d.remove(c.name)
}

// isOurs reports whether the file is still the one that was created.
func (d *dir) isOurs(c created) (bool, error) {
	content, i, err := d.read(c.name, nil, int64(len(c.content)))
	if _, isForeign := foreignOwner(err); isForeign || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	ours := i.inode == c.inode && i.modified.UnixNano() == c.modified && string(content) == c.content
	return ours, err
}

// restore gives a file that was set aside its name back. If meanwhile the stock
// plugin has leased the address to another, the lease is that of the other.
func (d *dir) restore(name string) error {
	aside := oldPrefix + name
	err := d.renameNew(aside, name)
	if errors.Is(err, fs.ErrExist) {
		err = d.remove(aside)
	}
	// It was not set aside yet, or the stock plugin has released it.
	return ignoreNotExist(err)
}

// dropJournal does not sync: to undo what is undone already changes nothing. One
// that could not be read is kept for whoever wants to know what happened.
func (d *dir) dropJournal(j *journal) error {
	if j.torn {
		return d.rename(journalName, damagedName)
	}
	// A transaction can have failed before there was one.
	return ignoreNotExist(d.remove(journalName))
}

// overlook makes a View, which writes nothing, see an interrupted transaction as
// undo would leave it.
func (t *tx) overlook() error {
	j, err := t.dir.journal()
	if err != nil || j == nil {
		return err
	}
	t.moved = map[string]string{}
	for _, c := range j.created {
		ours, err := t.dir.isOurs(c)
		if err != nil {
			return err
		}
		if ours {
			t.moved[c.name] = ""
		}
	}
	for _, name := range j.deleted {
		if err := t.overlookDelete(name); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) overlookDelete(name string) error {
	aside := oldPrefix + name
	if _, err := t.dir.stat(aside); err != nil {
		return ignoreNotExist(err)
	}
	actual := t.actual(name)
	if actual == "" {
		t.moved[name] = aside
		return nil
	}
	_, err := t.dir.stat(actual)
	if errors.Is(err, fs.ErrNotExist) {
		t.moved[name], err = aside, nil
	}
	return err
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
