package exchange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/leasehold/leasehold/internal/durable"
)

// markPause is how long a migration waits after it has marked the old store. A transaction with
// another lock that has just read the mode, without the mark, erases the mark in that time, which
// the migration notices. Without the pause it could do so after the last look, and end before the
// old store leaves. Two system calls follow each other in microseconds unless the process is
// stopped. Where two names are exchanged, the look comes after the exchange, which can be undone.
const markPause = 100 * time.Millisecond

// swapInTurn is Swap on a file system that cannot exchange. Each sync is there because the
// steps after it must not reach the disk before the steps that precede it.
func (p Place) swapInTurn(s Swap, w ways) error {
	waiting := s.Backup + nextEnding
	if err := durable.RenameNew(s.Staged, waiting); err != nil {
		return err
	}
	err := p.sync()
	if err == nil {
		time.Sleep(markPause)
		err = s.checkUnchanged()
	}
	if err == nil {
		err = p.backUp(s, w)
	}
	if err != nil {
		return errors.Join(err, durable.RenameNew(waiting, s.Staged))
	}
	// This cannot be undone: another process may have moved the waiting store already.
	return inPlace(errors.Join(p.sync(), p.finishInTurn(waiting, s)))
}

// backUp gives the old store its backup name. From then on the new store is the store of the
// network, and anything left in the place must give way.
func (p Place) backUp(s Swap, w ways) error {
	if w.remove && !s.Old.IsDir() {
		return p.backUpByLink(s)
	}
	if !w.remove {
		if err := durable.RenameNew(p.path, s.Backup); !errors.Is(err, syscall.EXDEV) {
			return err
		}
		if err := p.checkCanRename(); err != nil {
			return err
		}
	}
	return p.backUpByCopy(s)
}

// backUpByLink is backUp for a file that has to be removed from the place.
func (p Place) backUpByLink(s Swap) error {
	if err := os.Link(p.path, s.Backup); err != nil {
		return err
	}
	if err := errors.Join(p.checkSame(s.Backup, s.Old), p.sync()); err != nil {
		return errors.Join(err, os.Remove(s.Backup))
	}
	return nil
}

// backUpByCopy is backUp for a directory that has to be removed from the place, or that is in
// the lower layer of an overlay, where overlayfs without redirect_dir cannot rename it.
func (p Place) backUpByCopy(s Swap) error {
	temp := p.pathFor(copyEnding)
	err := copyTree(p.path, temp)
	if err == nil {
		err = s.checkUnchanged() // Copying takes long enough for a transaction.
	}
	if err == nil {
		err = markCopy(temp) // A transaction may have erased the mark while the file was copied.
	}
	if err == nil {
		err = durable.RenameNew(temp, s.Backup)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(temp))
	}
	if err := p.sync(); err != nil {
		return errors.Join(err, os.RemoveAll(s.Backup))
	}
	return nil
}

// checkCanRename returns an error if nothing can be renamed from [Place.Dir] to the directory
// of the stores, for instance because it is a mount of its own. Otherwise the old store would
// leave, and the new one could not come.
func (p Place) checkCanRename() error {
	from, to := p.probes()
	f, err := openRegular(from, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Close(), os.Rename(from, to)); err != nil {
		err = fmt.Errorf("%w; %s must not be a mount of its own", err, p.Dir())
		return errors.Join(err, os.Remove(from))
	}
	return os.Remove(to)
}

// probes returns the names between which checkCanRename renames a file.
func (p Place) probes() (from, to string) {
	from = p.pathFor(probeEnding)
	return from, filepath.Join(filepath.Dir(p.path), "."+filepath.Base(from))
}

// maxTries is how often to check whether another process has given way.
const maxTries = 50

// finishInTurn moves the waiting store into the place, and checks that it is there.
func (p Place) finishInTurn(waiting string, s Swap) error {
	for tried := range maxTries {
		if err := errors.Join(p.removeOld(s.Old), p.moveIn(waiting)); err != nil {
			return err
		}
		waits, err := exists(os.Lstat, waiting)
		if err != nil {
			return err
		}
		if !waits {
			return p.checkMovedIn(s.Built)
		}
		// A plugin that has just made a store there will find this one and give way.
		time.Sleep(time.Duration(tried) * time.Millisecond)
	}
	return p.checkMoved(waiting)
}

// checkMovedIn returns an error unless the store that was built is in the place. It may have new
// leases by now: where a lock is known to one mount only, plugins use it already.
func (p Place) checkMovedIn(built fs.FileInfo) error {
	now, err := os.Lstat(p.path)
	if err == nil && !os.SameFile(now, built) {
		err = fmt.Errorf("%s is not the store that was built for it; another program replaced it meanwhile", p.path)
	}
	return err
}

// removeOld removes the old store, which is locked, from the place if it is still there.
func (p Place) removeOld(old fs.FileInfo) error {
	here, err := os.Lstat(p.path)
	if err != nil || !os.SameFile(here, old) {
		return ignoreNotExist(err)
	}
	if !here.IsDir() {
		return os.Remove(p.path)
	}
	root, err := os.OpenRoot(p.path)
	if err != nil {
		return ignoreNotExist(err)
	}
	defer root.Close() // Each call through it returns its own error.
	if self, err := root.Stat("."); err != nil || !os.SameFile(self, old) {
		return err // Another process has replaced it.
	}
	return p.GiveWay(root, true)
}

// moveIn moves a waiting store into the place, unless another process does.
func (p Place) moveIn(waiting string) error {
	err := durable.PutNew(waiting, p.path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.sync()
}

// checkMoved returns a [BlockedError] if a store still waits because something else is in the
// place.
func (p Place) checkMoved(waiting string) error {
	if waits, err := exists(os.Lstat, waiting); !waits || err != nil {
		return err
	}
	return &BlockedError{p.path, waiting}
}

// A BlockedError says that a store waits for a place in which a program that does not know it
// made another store.
type BlockedError struct {
	Path    string // of the place
	Waiting string
}

func (e *BlockedError) Error() string {
	return fmt.Sprintf("%s was made by a program that does not know of %s, which belongs there; "+
		"compare the leases of both, remove the former, and give its name to the latter", e.Path, e.Waiting)
}
