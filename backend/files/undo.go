package files

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// recover undoes or finishes interrupted transactions. It returns false if another process is
// working on one.
func (d *dir) recover(ctx context.Context) (bool, error) {
	all, err := d.journals()
	if err != nil || len(all) == 0 {
		return err == nil, err
	}
	if d.waitIfInUse(ctx, all) {
		return false, nil
	}
	if err := d.markDirty(); err != nil {
		return false, err
	}
	for _, j := range all {
		err := d.claim(j)
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

// undo undoes a transaction. It can be interrupted and repeated, because the journal goes last.
func (d *dir) undo(j *journal) error {
	if err := d.removeCreated(j); err != nil {
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

func (d *dir) removeCreated(j *journal) error {
	for _, c := range j.created {
		ours, err := d.isCreated(j, c.name, c)
		if ours {
			err = d.removeIdentified(deletedFile{c.name, c.identity})
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

// removeIdentified removes a file that this process has identified under the lock.
func (d *dir) removeIdentified(x deletedFile) error {
	if d.lockIsReliable() {
		return ignoreNotExist(d.remove(x.name))
	}
	began := time.Now()
	if err := d.claimAndRemove(x); err != nil {
		return err
	}
	return d.removeRevived(x, began)
}

// restore restores the name of a file that an early version has renamed. If the stock plugin
// has leased the address meanwhile, that lease stays.
func (d *dir) restore(name string) error {
	oldName := oldPrefix + name
	err := d.renameNew(oldName, name)
	if errors.Is(err, fs.ErrExist) {
		err = d.remove(oldName)
	}
	// If it does not exist, it was not renamed yet, or the stock plugin has released it.
	return ignoreNotExist(err)
}

// dropJournal does not sync, because undoing a transaction twice changes nothing. A corrupt or
// ambiguous journal is kept for Verify to report.
func (d *dir) dropJournal(j *journal) error {
	switch err := d.claim(j); {
	case j.file == "" || errors.Is(err, errOvertaken):
		return nil // The transaction can have failed before it wrote one.
	case err != nil:
		return err
	case j.corrupt || j.ambiguous:
		return d.setAside(j)
	}
	return ignoreNotExist(d.remove(j.file))
}

// setAside leaves the journal where it is if renaming it takes space that is missing: a
// transaction that only deletes needs no journal of its own, and must succeed.
func (d *dir) setAside(j *journal) error {
	err := d.rename(j.file, damagedName)
	if isNoSpace(err) {
		d.unfinished, d.journalErr = true, err
		return nil
	}
	return err
}

// previewRecovery lets a View, which writes nothing, see interrupted transactions as the next
// Update will leave them.
func (t *tx) previewRecovery() error {
	all, err := t.dir.journals()
	if err != nil || len(all) == 0 {
		return err
	}
	t.redirects = map[string]string{}
	for _, j := range all {
		if err := t.previewJournal(j); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) previewJournal(j *journal) error {
	if j.committed() {
		return t.previewFinish(j)
	}
	if err := t.hideCreated(j); err != nil || !j.early {
		return err
	}
	for _, x := range j.deleted {
		if err := t.previewRestore(x.name); err != nil {
			return err
		}
	}
	return nil
}

// previewFinish redirects files as finish will rename and remove them.
func (t *tx) previewFinish(j *journal) error {
	rest, all, err := t.dir.unpublished(j)
	if err != nil {
		return err
	}
	for _, x := range j.deleted {
		same, err := t.dir.isDeleted(j, x)
		if err != nil {
			return err
		}
		if same {
			t.redirects[x.name] = ""
		}
	}
	for _, c := range rest {
		t.redirects[c.name] = c.temp
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
			t.redirects[c.name] = ""
		}
	}
	return nil
}

func (t *tx) previewRestore(name string) error {
	oldName := oldPrefix + name
	if _, err := t.dir.stat(oldName); err != nil {
		return ignoreNotExist(err)
	}
	resolved := t.resolve(name)
	if resolved == "" {
		t.redirects[name] = oldName
		return nil
	}
	_, err := t.dir.stat(resolved)
	if errors.Is(err, fs.ErrNotExist) {
		t.redirects[name], err = oldName, nil
	}
	return err
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
