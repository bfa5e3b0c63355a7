package files

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// recover ends what transactions have left that were interrupted. It is false if another
// process is at work on one.
func (d *dir) recover(ctx context.Context) (bool, error) {
	all, err := d.journals()
	if err != nil || len(all) == 0 {
		return err == nil, err
	}
	if d.isAlive(ctx, all) {
		return false, nil
	}
	if err := d.changing(); err != nil {
		return false, err
	}
	for _, j := range all {
		err := d.take(j)
		if errors.Is(err, errOvertaken) {
			return false, nil
		}
		if err == nil {
			err = d.end(j)
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

func (d *dir) end(j *journal) error {
	if !j.committed() {
		return d.undo(j)
	}
	if _, err := d.finish(j); err != nil {
		return err
	}
	d.discardTemps(j)
	return nil
}

// undo takes back what the journal is about. It can itself be interrupted and
// done again: the journal goes last.
func (d *dir) undo(j *journal) error {
	if err := d.uncreateAll(j); err != nil {
		return err
	}
	if j.early {
		for _, x := range j.deleted {
			if err := d.restore(x.name); err != nil {
				return err
			}
		}
	}
	if err := d.sync(); err != nil {
		return err
	}
	d.discardTemps(j)
	return d.dropJournal(j)
}

func (d *dir) uncreateAll(j *journal) error {
	for _, c := range j.created {
		ours, err := d.isCreated(j, c.name, c)
		if ours {
			err = d.removeOwn(deleted{c.name, c.identity})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *dir) discardTemps(j *journal) {
	for _, c := range j.created {
		d.discard(c.temp)
	}
}

// removeOwn removes a file that this process has found under the lock.
func (d *dir) removeOwn(x deleted) error {
	if d.lockHolds() {
		return ignoreNotExist(d.remove(x.name))
	}
	began := time.Now()
	if err := d.removeAside(x); err != nil {
		return err
	}
	return d.removeRevived(x, began)
}

// restore gives a file that an early version has set aside its name back. If meanwhile the stock
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

// dropJournal does not sync: to undo what is undone already changes nothing. A journal that
// could not be read, or did not tell which files it means, is kept for Verify to report.
func (d *dir) dropJournal(j *journal) error {
	switch err := d.take(j); {
	case j.file == "" || errors.Is(err, errOvertaken):
		return nil // A transaction can have failed before there was one.
	case err != nil:
		return err
	case j.torn || j.ambiguous:
		return d.rename(j.file, damagedName)
	}
	return ignoreNotExist(d.remove(j.file))
}

// overlook makes a View, which writes nothing, see interrupted transactions as
// the next Update will leave them.
func (t *tx) overlook() error {
	all, err := t.dir.journals()
	if err != nil || len(all) == 0 {
		return err
	}
	t.moved = map[string]string{}
	for _, j := range all {
		if err := t.overlookOne(j); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) overlookOne(j *journal) error {
	if j.committed() {
		return t.foresee(j)
	}
	if err := t.hideCreated(j); err != nil || !j.early {
		return err
	}
	for _, x := range j.deleted {
		if err := t.overlookDelete(x.name); err != nil {
			return err
		}
	}
	return nil
}

// foresee is what finish does.
func (t *tx) foresee(j *journal) error {
	rest, all, err := t.dir.rest(j)
	if err != nil {
		return err
	}
	for _, x := range j.deleted {
		same, err := t.dir.isDeleted(j, x)
		if err != nil {
			return err
		}
		if same {
			t.moved[x.name] = ""
		}
	}
	for _, c := range rest {
		t.moved[c.name] = c.temp
	}
	if all {
		return nil
	}
	return t.hideCreated(j)
}

func (t *tx) hideCreated(j *journal) error {
	for _, c := range j.created {
		ours, err := t.dir.isCreated(j, c.name, c)
		if err != nil {
			return err
		}
		if ours {
			t.moved[c.name] = ""
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
