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

// The ways in which a transaction changes the directory. Each is one step: a
// kill falls between two of them.

// A working is what a transaction remembers of its own work.
type working struct {
	unfinished bool     // a journal is left for the next Update
	changed    bool     // by the caller of Update
	token      string   // of its temporary files, as soon as there is one
	linked     []string // names to be removed once the others that these files have are durable
	mount      *mount   // see lockHolds; nil until it matters
}

// before announces a step to whoever tests.
func (d *dir) before(op string, names ...string) error {
	if d.step == nil {
		return nil
	}
	return d.fail(op, names[len(names)-1], d.step(op, names...))
}

// sync makes durable which names the directory holds.
func (d *dir) sync() error {
	if err := d.before("sync", ""); err != nil {
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

// settle makes durable what somebody has left who was killed: names in the directory, a
// journal that is gone among them, and the name of the directory itself.
func (d *dir) settle() error {
	settled, err := durable.StatClean(d.lock)
	if err != nil || settled {
		return d.fail("stat", lockName, err)
	}
	if err := d.sync(); err != nil {
		return err
	}
	return durable.SyncPath(filepath.Dir(d.path))
}

// changing says that there is something to be synced, before there is.
func (d *dir) changing() error {
	mode, err := durable.MarkDirty(d.lock)
	if err == nil && exchange.IsMark(mode) {
		err = exchange.ErrUnderway
	}
	return d.fail("change mode of", lockName, err)
}

// settled says that there is nothing. It returns [exchange.ErrUnderway] if the directory was
// changed, and has been marked since: a migration through another mount marks it first, and
// then looks whether it was changed, so that one of the two sees the other.
func (d *dir) settled() error {
	if d.unfinished {
		return nil
	}
	mode, err := durable.MarkClean(d.lock)
	if err == nil && d.changed && exchange.IsMark(mode) {
		return d.fail("change", "", exchange.ErrUnderway)
	}
	return nil // If it failed, the next Update syncs.
}

func (d *dir) remove(name string) error {
	if err := d.before("remove", name); err != nil {
		return err
	}
	return d.fail("remove", name, d.root.Remove(name))
}

// rename replaces what stands at to.
func (d *dir) rename(from, to string) error {
	if err := d.before("rename", from, to); err != nil {
		return err
	}
	return d.fail("rename", to, d.root.Rename(from, to))
}

// renameNew fails with [fs.ErrExist] if something stands at to.
func (d *dir) renameNew(from, to string) error {
	if err := d.before("rename", from, to); err != nil {
		return err
	}
	return d.fail("rename", to, d.renameNoReplace(from, to))
}

// checkedRename is renameNoReplace where the system has no call that refuses to replace a
// file. We hold the lock, under which alone lease files come into being.
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

// place gives a new file its name. If something has that name, or the new file is gone,
// another process has not waited for our lock.
func (d *dir) place(c created) error {
	err := d.renameNew(c.temp, c.name)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return d.fail("create", c.name, fmt.Errorf("%w: %w", errOvertaken, cause(err)))
	}
	return err
}

// A create is a file that a transaction makes. If since is not zero the file
// gets it as the time of its last change.
type create struct {
	name, content string
	since         time.Time
}

// prepare writes the file under a temporary name and syncs it.
func (d *dir) prepare(c create) (created, error) {
	temp := d.temp(c.name)
	f, err := d.openNew(temp)
	if err != nil {
		return created{}, d.ifColon(c.name, err)
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

// temp returns the temporary name of a file of this transaction.
func (d *dir) temp(name string) string {
	if d.token == "" {
		d.token = newToken()
	}
	return tempName(d.token, name)
}

func (d *dir) openNew(temp string) (*os.File, error) {
	if err := d.before("create", temp); err != nil {
		return nil, err
	}
	return d.open(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// ifColon explains the error with which a file system refuses a colon in a name: exFAT,
// for instance, says that the file does not exist.
func (d *dir) ifColon(name string, err error) error {
	if !strings.Contains(name, ":") || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	probe := d.temp("probe")
	f, probeErr := d.openNew(probe)
	if probeErr != nil {
		return err // It refuses other names too.
	}
	f.Close() // Nothing was written.
	d.discard(probe)
	return fmt.Errorf("%w: the file system allows no colon in a name, which each lease of IPv6 needs (%w)", backend.ErrNames, err)
}

func (d *dir) fill(f *os.File, temp string, c create) (created, error) {
	if err := d.before("write", temp); err != nil {
		return created{}, err
	}
	if _, err := f.WriteString(c.content); err != nil {
		return created{}, d.fail("write", temp, err)
	}
	info, err := d.setTime(f, temp, c.since)
	if err != nil {
		return created{}, d.fail("set time of", temp, err)
	}
	if err := d.before("sync", temp); err != nil {
		return created{}, err
	}
	made := identity{inode: inode(info), modified: info.ModTime().UnixNano(), content: c.content, known: true}
	return created{c.name, temp, made}, d.fail("sync", temp, f.Sync())
}

// setTime sets the time of a file that has just been made, unless t is zero, and returns
// what the file system has made of it.
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
		err = nil // Where a time cannot be set, that of a new file is mostly the right one.
	}
	return info, err
}

// discard removes a temporary file after an error.
func (d *dir) discard(temp string) {
	_ = d.remove(temp) // What is left stands in nobody's way until an Update that writes leases removes it.
}
