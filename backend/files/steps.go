package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/exchange"
)

// Each function here that calls beforeStep is one step. Tests kill a transaction between two steps.

// txState is what a dir remembers about its transaction.
type txState struct {
	unfinished bool     // a journal is left for the next Update
	journalErr error    // why there can be no other journal: see setAside
	dirty      bool     // it may have erased the mark: see checkEnd
	wrote      bool     // the transaction has changed the directory
	token      string   // in the names of its temporary files; empty until there is one
	linked     []string // second names, to remove once the first ones are durable
	mount      *mount   // see lockIsReliable; nil until needed
}

// beforeStep calls the step function of a test.
func (d *dir) beforeStep(op string, names ...string) error {
	if d.step == nil {
		return nil
	}
	return d.fail(op, names[len(names)-1], d.step(op, names...))
}

// sync makes the names in the directory durable.
func (d *dir) sync() error {
	if err := d.beforeStep("sync", ""); err != nil {
		return err
	}
	if err := durable.SyncOpenDir(d.self); err != nil {
		return d.fail("sync", "", err)
	}
	for _, temp := range d.linked {
		d.discard(temp)
	}
	d.linked = nil
	return nil
}

// syncUnclean syncs what a killed process left: names in the directory, the removal of a
// journal, and the name of the directory itself.
func (d *dir) syncUnclean() error {
	clean, err := durable.StatClean(d.lock)
	if err != nil || clean {
		return d.fail("stat", lockName, err)
	}
	if err := d.sync(); err != nil {
		return err
	}
	return durable.SyncPath(filepath.Dir(d.path))
}

// markDirty clears the clean bit, before the first change, and says if this process can have a lock of
// its own. It returns [exchange.ErrUnderway] if the directory is marked as replaced.
func (d *dir) markDirty() error {
	more := fs.FileMode(0)
	if !d.lockIsReliable() {
		more = otherLocks
	}
	mode, _, err := durable.MarkDirty(d.lock, more, exchange.IsMark)
	if err == nil && exchange.IsMark(mode) {
		err = exchange.ErrUnderway
	}
	d.dirty = true
	return d.fail("change mode of", lockName, err)
}

// markClean sets the clean bit. It returns [exchange.ErrUnderway] if this transaction has
// changed the directory, and a migration that has another lock may have missed that: it first
// marks the directory, and then checks whether it was changed, so that one of the two notices
// the other.
func (d *dir) markClean() error {
	if d.unfinished {
		return nil
	}
	mode, changed, err := durable.MarkClean(d.lock, exchange.IsMark)
	if err != nil || !changed && !d.dirty {
		return nil // Without the clean bit, the next Update syncs.
	}
	err = d.checkEnd(mode)
	if !d.wrote {
		return nil // A migration misses nothing; it may even be this transaction.
	}
	return d.fail("change", "", err)
}

// checkEnd ends a transaction that has changed the mode of the locked file.
func (d *dir) checkEnd(mode fs.FileMode) error {
	d.dirty = false
	return exchange.CheckEnd(d.path, d.self, d.lock, mode)
}

const maxRemoveDelay = 20 * time.Millisecond

// remove tries a few times where a file system has no space to remove a file: FUSE closes files
// after close(2) has returned, and renames one that is still open instead of removing it, for
// which a full fuse2fs has no space.
func (d *dir) remove(name string) error {
	if err := d.beforeStep("remove", name); err != nil {
		return err
	}
	err := d.root.Remove(name)
	for delay := time.Millisecond; isNoSpace(err) && delay < maxRemoveDelay; delay *= 2 {
		time.Sleep(delay)
		err = d.root.Remove(name)
	}
	return d.fail("remove", name, err)
}

// rename replaces an existing file called to.
func (d *dir) rename(from, to string) error {
	if err := d.beforeStep("rename", from, to); err != nil {
		return err
	}
	return d.fail("rename", to, d.root.Rename(from, to))
}

// renameNew returns [fs.ErrExist] if to exists.
func (d *dir) renameNew(from, to string) error {
	if err := d.beforeStep("rename", from, to); err != nil {
		return err
	}
	return d.fail("rename", to, d.renameNoReplace(from, to))
}

// checkedRename is renameNoReplace for systems without a call that refuses to replace a file.
// It is safe because lease files are made only under the lock, which this process holds.
func (d *dir) checkedRename(from, to string) error {
	_, err := d.root.Lstat(to)
	switch {
	case err == nil:
		return fs.ErrExist
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return d.root.Rename(from, to)
}

// publish gives a new file its final name. If that name exists, or the new file is gone,
// another process has not waited for our lock.
func (d *dir) publish(c createdFile) error {
	err := d.renameNew(c.temp, c.name)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return d.fail("create", c.name, fmt.Errorf("%w: %w", errOvertaken, cause(err)))
	}
	return err
}

// A newFile is a file that a transaction will make. If since is not zero, it becomes the
// modification time.
type newFile struct {
	name, content string
	since         time.Time
	earlier       bool // a lease of an earlier boot: see boot.isEarlier
}

// mode returns the mode of the file, as open(2) has it.
func (c newFile) mode() uint32 {
	const sticky = 0o1000
	if c.earlier {
		return 0o600 | sticky
	}
	return 0o600
}

// prepare writes the file under a temporary name and syncs it.
func (d *dir) prepare(c newFile) (createdFile, error) {
	temp := d.temp(c.name)
	f, err := d.openNew(temp, c.mode())
	if err != nil {
		return createdFile{}, d.explainColon(c.name, err)
	}
	made, err := d.fill(f, temp, c)
	if closeErr := f.Close(); err == nil {
		err = d.fail("close", temp, closeErr)
	}
	if err != nil {
		d.discard(temp)
	}
	return made, err
}

// temp returns the temporary name for a file of this transaction.
func (d *dir) temp(name string) string {
	if d.token == "" {
		d.token = newToken()
	}
	return tempName(d.token, name)
}

func (d *dir) openNew(temp string, mode uint32) (*os.File, error) {
	if err := d.beforeStep("create", temp); err != nil {
		return nil, err
	}
	return d.open(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}

// explainColon explains the error of a file system that rejects a colon in a name: exFAT, for
// instance, says that the file does not exist.
func (d *dir) explainColon(name string, err error) error {
	if !strings.Contains(name, ":") || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	probe := d.temp("probe")
	f, probeErr := d.openNew(probe, newFile{}.mode())
	if probeErr != nil {
		return err // It rejects other names too.
	}
	f.Close() // Nothing was written.
	d.discard(probe)
	return fmt.Errorf("%w: the file system allows no colon in a name, which every IPv6 lease needs (%w)", backend.ErrNames, err)
}

func (d *dir) fill(f *os.File, temp string, c newFile) (createdFile, error) {
	if err := d.beforeStep("write", temp); err != nil {
		return createdFile{}, err
	}
	if _, err := f.WriteString(c.content); err != nil {
		return createdFile{}, d.fail("write", temp, err)
	}
	info, err := d.setTime(f, temp, c.since)
	if err != nil {
		return createdFile{}, d.fail("set time of", temp, err)
	}
	if err := d.beforeStep("sync", temp); err != nil {
		return createdFile{}, err
	}
	made := identity{inode: inode(info), modified: info.ModTime().UnixNano(), content: c.content, hasContent: true}
	return createdFile{c.name, temp, made}, d.fail("sync", temp, f.Sync())
}

// setTime sets the modification time of a new file, unless t is zero, and returns the time as
// the file system keeps it.
func (d *dir) setTime(f *os.File, name string, t time.Time) (fs.FileInfo, error) {
	if t.IsZero() {
		return f.Stat()
	}
	err := d.setTimes(name, t)
	info, statErr := f.Stat()
	if statErr != nil {
		return nil, statErr
	}
	if info.ModTime().Unix() == t.Unix() {
		err = nil // It could not be set, but the time of creation is right to the second.
	}
	return info, err
}

// discard removes a temporary file after an error.
func (d *dir) discard(temp string) {
	_ = d.remove(temp) // A file that is left does no harm; an Update that writes leases removes it.
}
