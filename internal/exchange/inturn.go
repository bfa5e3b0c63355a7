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

// swapInTurn is Swap on a file system that cannot exchange. Each sync is there
// because what comes after it must not be on the disk before what comes before it.
func (p Place) swapInTurn(s Swap, w ways) error {
	waiting := s.Aside + next
	if err := durable.RenameNew(s.Staged, waiting); err != nil {
		return err
	}
	err := p.sync()
	if err == nil {
		err = s.unchanged()
	}
	if err == nil {
		err = p.leave(s, w)
	}
	if err != nil {
		return errors.Join(err, durable.RenameNew(waiting, s.Staged))
	}
	// From here on there is no way back: others may have moved it already.
	return inPlace(errors.Join(p.sync(), p.settle(waiting, s)))
}

// leave has the old store get its name aside. Then the successor is the store of the
// network, and what is left in the place has to give way.
func (p Place) leave(s Swap, w ways) error {
	if w.remove && !s.Old.IsDir() {
		return p.leaveLink(s)
	}
	if !w.remove {
		if err := durable.RenameNew(p.path, s.Aside); !errors.Is(err, syscall.EXDEV) {
			return err
		}
		if err := p.canRename(); err != nil {
			return err
		}
	}
	return p.leaveCopy(s)
}

// leaveLink is leave for a file that has to be removed from the place.
func (p Place) leaveLink(s Swap) error {
	if err := os.Link(p.path, s.Aside); err != nil {
		return err
	}
	if err := errors.Join(p.still(s.Aside, s.Old), p.sync()); err != nil {
		return errors.Join(err, os.Remove(s.Aside))
	}
	return nil
}

// leaveCopy is leave for a directory of which a copy gets the name aside: one that has to
// be removed from the place, or is in the lower layer of an overlay, where overlayfs
// without redirect_dir does not rename it.
func (p Place) leaveCopy(s Swap) error {
	temp := p.aside(copyDir)
	err := copyTree(p.path, temp)
	if err == nil {
		err = durable.RenameNew(temp, s.Aside)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(temp))
	}
	if err := p.sync(); err != nil {
		return errors.Join(err, os.RemoveAll(s.Aside))
	}
	return nil
}

// canRename returns an error if nothing can be renamed from the directory for what is not
// in use to where stores are, as where it is a mount of its own. Otherwise the old store
// would leave, and the new one could not come.
func (p Place) canRename() error {
	from, to := p.probes()
	f, err := os.OpenFile(from, os.O_WRONLY|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Close(), os.Rename(from, to)); err != nil {
		err = fmt.Errorf("%w; %s must not be a mount of its own", err, p.Dir())
		return errors.Join(err, os.Remove(from))
	}
	return os.Remove(to)
}

// probes returns the names of a file with which that is tried.
func (p Place) probes() (from, to string) {
	from = p.aside(probe)
	return from, filepath.Join(filepath.Dir(p.path), "."+filepath.Base(from))
}

// patience is how often it is looked whether another process has given way.
const patience = 50

// settle moves the store that waits to the place, and makes sure that it is there.
func (p Place) settle(waiting string, s Swap) error {
	for tried := range patience {
		if err := errors.Join(p.giveWay(s.Old), p.arrive(waiting)); err != nil {
			return err
		}
		waits, err := exists(os.Lstat, waiting)
		if err != nil {
			return err
		}
		if !waits {
			return p.unchanged(p.path, s.Built)
		}
		// A plugin that has just made a store there gives way when it finds this one.
		time.Sleep(time.Duration(tried) * time.Millisecond)
	}
	return p.arrived(waiting)
}

// giveWay removes the store that old describes, which is locked, from the place, if it is
// still there.
func (p Place) giveWay(old fs.FileInfo) error {
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
		return err // Another process was faster.
	}
	return p.GiveWay(root, true)
}

// arrive moves a store that waits to the place. That another process has done so
// already is no error.
func (p Place) arrive(waiting string) error {
	err := durable.PutNew(waiting, p.path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.sync()
}

// arrived returns an error if a store still waits for the place because something
// else has come there.
func (p Place) arrived(waiting string) error {
	if waits, err := exists(os.Lstat, waiting); !waits || err != nil {
		return err
	}
	return &StrandedError{p.path, waiting}
}

// A StrandedError says that a store waits for a place in which a program that does not know
// of it made another one, and leased from that.
type StrandedError struct {
	Path    string // of the place
	Waiting string
}

func (e *StrandedError) Error() string {
	return fmt.Sprintf("%s was made by a program that does not know of %s, which belongs there; "+
		"see which addresses are leased in either, remove the former, and rename the latter to it", e.Path, e.Waiting)
}
