package exchange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/fstype"
)

// A Swap replaces one store by another.
type Swap struct {
	Staged string      // path of the new store: see [Place.Staged]
	Built  fs.FileInfo // describes the new store, after it was compared
	Old    fs.FileInfo // describes the old store
	Backup string      // path for the old store: see [Place.BackupPath]

	checkUnchanged func() error // see [Place.Watch]; called last before a name changes
	checkMarked    func() error // called after two names were exchanged
}

// Swap moves the store at s.Staged into the place, and the old store to s.Backup. Both stores
// are complete at every moment, and the place is never empty for programs that call
// [Place.FinishSwap].
//
// The caller holds the locks of both stores, so that no plugin uses the old one, and a plugin
// that uses the new one finds its name durable. The store at s.Staged must be durable already.
//
// If the store in the place is not the one that s.Old describes, or the store at s.Staged not
// the one that s.Built describes, Swap changes nothing. If the old store was changed since
// [Place.Watch] returned s.Old, it changes nothing and returns a [ChangedError].
//
// Before the new store can be used, the old one is marked as replaced ([Marked]). If that is
// impossible, unmarked says why; then the old store may still be used through another mount.
//
// A Swap that fails or is interrupted can leave files for [Place.CleanUp]. They are all still
// there if the error is [ErrMarked].
func (p Place) Swap(s Swap) (unmarked, err error) {
	w, err := p.ways()
	if err != nil {
		return nil, err
	}
	return p.swapBy(s, w)
}

// ways are the means of a file system to move two stores.
type ways struct {
	exchange func(a, b string) error

	// remove: the old store loses its name by removal, after a directory was copied or a file
	// linked. Otherwise it is renamed.
	remove bool
}

// ways returns the means of the file system of the place.
func (p Place) ways() (ways, error) {
	if !fstype.FUSE(p.Dir()) {
		return ways{exchange: durable.Exchange}, nil
	}
	// An exchange by a FUSE server is not reliable (see [fstype.FUSE]), and where it exists, a
	// rename is not reliable either: fuse-overlayfs 1.10 makes no whiteout for the old name, so a
	// file of that name in a lower layer reappears.
	can, err := p.canExchange()
	return ways{exchange: unsupported, remove: can}, err
}

func unsupported(string, string) error { return errors.ErrUnsupported }

// canExchange reports whether two names can be exchanged.
func (p Place) canExchange() (can bool, err error) {
	a, b := p.pathFor(probeEnding), p.pathFor(probeEnding+"2")
	for _, path := range []string{a, b} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return false, err
		}
	}
	exchangeErr := durable.Exchange(a, b)
	return exchangeErr == nil, errors.Join(os.Remove(a), os.Remove(b))
}

// ErrMarked says that the old store is still in its place, but could not be unmarked.
var ErrMarked = errors.New("the old store is still in its place, but the mark that it was replaced could not be removed")

func (p Place) swapBy(s Swap, w ways) (unmarked, err error) {
	if err := errors.Join(p.checkSame(p.path, s.Old), p.checkBuilt(s.Staged, s.Built)); err != nil {
		return nil, err
	}
	locked, err := p.openStoreLock(s.Old)
	if err != nil {
		return nil, err
	}
	defer locked.Close() // It was only read.
	if err := mark(locked); errors.Is(err, errUnmarked) {
		unmarked = err
	} else if err != nil {
		return nil, err
	}
	s.setChecks(p, locked, unmarked == nil)
	err = p.swap(s, w)
	if err == nil || errors.Is(err, ErrInPlace) || p.checkSame(p.path, s.Old) != nil {
		return unmarked, explainMount(p.path, err)
	}
	if markErr := Unmark(locked); markErr != nil {
		err = errors.Join(err, fmt.Errorf("%s: %w: %w", locked.Name(), ErrMarked, markErr))
	}
	return unmarked, explainMount(p.path, err)
}

// explainMount explains the error for a network whose directory or file is a mount point, which
// the kernel does not rename.
func explainMount(path string, err error) error {
	if !errors.Is(err, syscall.EBUSY) {
		return err
	}
	return fmt.Errorf("%w: something is mounted at %s itself; migrate the store at its original path, "+
		"or stop the containers of this network, export its leases, unmount it, and import them", err, path)
}

// CheckMount returns an error if something is mounted at the place itself, as far as the kernel tells.
func (p Place) CheckMount() error {
	if isMountPoint(p.path) {
		return explainMount(p.path, syscall.EBUSY)
	}
	return nil
}

// checkSame returns an error unless path is the file or directory that old describes.
func (p Place) checkSame(path string, old fs.FileInfo) error {
	now, err := os.Lstat(path)
	if err == nil && !os.SameFile(now, old) {
		err = fmt.Errorf("%s was replaced by another program meanwhile; nothing was changed", p.path)
	}
	return err
}

// checkBuilt returns an error unless path is the store that was built, and unchanged since it
// was compared.
func (p Place) checkBuilt(path string, built fs.FileInfo) error {
	now, err := os.Lstat(path)
	if err == nil && !(os.SameFile(now, built) && now.Size() == built.Size() && now.ModTime().Equal(built.ModTime())) {
		err = errNotBuilt(path)
	}
	return err
}

// A moved tells, after the new store was moved into the place, whether it is what it was before.
type moved struct {
	built fs.FileInfo
	names int // in the directory, if it is one
}

// beforeMove returns what checkMovedAs needs, once the store at path has been checked.
func beforeMove(path string, built fs.FileInfo) (moved, error) {
	names, err := countNames(path, built)
	return moved{built, names}, err
}

// checkMovedAs returns an error unless path is the store that was moved there. The modification
// time of a directory does not tell: XFS changes it in an exchange with a file of another
// directory (findings/xfs-exchange-changes-time.sh).
func (p Place) checkMovedAs(path string, m moved) error {
	if !m.built.IsDir() {
		return p.checkBuilt(path, m.built)
	}
	now, err := os.Lstat(path)
	if err != nil {
		return err
	}
	names, err := countNames(path, now)
	if err == nil && !(os.SameFile(now, m.built) && names == m.names) {
		err = errNotBuilt(path)
	}
	return err
}

// countNames returns how many names a directory has; 0 for a file.
func countNames(path string, info fs.FileInfo) (int, error) {
	if !info.IsDir() {
		return 0, nil
	}
	d, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	names, err := d.Readdirnames(-1)
	return len(names), errors.Join(err, d.Close())
}

func errNotBuilt(path string) error {
	return fmt.Errorf("%s is not the store that was built there; another program changed it meanwhile", path)
}

// swap is Swap by the given means.
func (p Place) swap(s Swap, w ways) error {
	if s.Built.Mode().IsRegular() && s.Old.Mode().IsRegular() {
		return p.replace(s, w)
	}
	before, err := beforeMove(s.Staged, s.Built)
	if err != nil {
		return err
	}
	if err := s.checkUnchanged(); err != nil {
		return err
	}
	err = w.exchange(s.Staged, p.path)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EXDEV) {
		return p.swapInTurn(s, w)
	}
	if err != nil {
		return err
	}
	err = errors.Join(p.checkSame(s.Staged, s.Old), p.checkMovedAs(p.path, before), s.checkMarked())
	if err == nil {
		err = p.sync()
	}
	if err != nil {
		return errors.Join(err, w.exchange(s.Staged, p.path))
	}
	return inPlace(p.setAside(s.Staged, s.Old, s.Backup))
}

// ErrInPlace says that an error came after the new store had replaced the old one.
var ErrInPlace = errors.New("the new store is in its place, or the next plugin moves it there")

func inPlace(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w, but: %w; run the same command again", ErrInPlace, err)
}

// replace is Swap for two files: the old one gets its second name before it loses the first.
func (p Place) replace(s Swap, w ways) error {
	if err := os.Link(p.path, s.Backup); err != nil {
		return p.swapInTurn(s, w) // Not every file system has links.
	}
	err := p.sync()
	if err == nil {
		err = errors.Join(p.checkSame(s.Backup, s.Old), p.checkBuilt(s.Staged, s.Built), s.checkUnchanged())
	}
	if err == nil {
		err = os.Rename(s.Staged, p.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(s.Backup))
	}
	return inPlace(errors.Join(p.checkBuilt(p.path, s.Built), p.sync()))
}
