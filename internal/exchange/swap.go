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

// A Swap puts a store that was built in the place of another.
type Swap struct {
	Staged string      // where it was built: see [Place.Staged]
	Built  fs.FileInfo // describes what was built there, and compared
	Old    fs.FileInfo // describes what it replaces
	Aside  string      // where that is to be kept

	unchanged func() error // see [Place.Watch]; called last before a name changes
	marked    func() error // called after two names were exchanged
}

// Swap puts what is at s.Staged in the place, and what stood there aside. Both stay
// whole at every moment, and the place is never empty for those who ask
// [Place.FinishSwap].
//
// The caller holds the locks of both stores, so that nobody works on the one that
// leaves, and what is promised in the one that comes rests on a durable name.
// Everything at s.Staged has to be durable already.
//
// The store that leaves is the one that s.Old describes, and the one that comes is the one
// that s.Built describes: if something else has come to either path, nothing changes. Nor
// does it if the one that leaves was changed since s.Old was obtained, as [Place.Watch] does:
// then it is a [ChangedError].
//
// Before the new store can be used, the old one is marked as replaced ([Marked]). Unmarked
// says why, if it could not be: then it can go on being used through another mount.
//
// A Swap that fails, or is interrupted, can leave behind what [Place.CleanUp] is
// for. It is all still there if the error is an [ErrMarked].
func (p Place) Swap(s Swap) (unmarked, err error) {
	w, err := p.ways()
	if err != nil {
		return nil, err
	}
	return p.swapBy(s, w)
}

// ways are those to take a name from a store, and give it to another.
type ways struct {
	exchange func(a, b string) error

	// remove has the old store lose its name by removal: a directory is copied first, and
	// a file linked. Otherwise it is renamed.
	remove bool
}

// ways returns those that the file system of the place has.
func (p Place) ways() (ways, error) {
	if !fstype.FUSE(p.Dir()) {
		return ways{exchange: durable.Exchange}, nil
	}
	// In user space an exchange is not relied upon (see [fstype.FUSE]), and where there is
	// one, a rename is not, either: fuse-overlayfs 1.10 makes no whiteout for the name that
	// is lost, and what a lower layer has of that name is there again.
	can, err := p.canExchange()
	return ways{exchange: unsupported, remove: can}, err
}

func unsupported(string, string) error { return errors.ErrUnsupported }

// canExchange reports whether two names can be exchanged.
func (p Place) canExchange() (can bool, err error) {
	a, b := p.aside(probe), p.aside(probe+"2")
	for _, path := range []string{a, b} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return false, err
		}
	}
	exchangeErr := durable.Exchange(a, b)
	return exchangeErr == nil, errors.Join(os.Remove(a), os.Remove(b))
}

// ErrMarked says that the old store is in its place, and could not be told so: it says
// that it was replaced.
var ErrMarked = errors.New("the store in the place could not be taken into use again")

func (p Place) swapBy(s Swap, w ways) (unmarked, err error) {
	if err := errors.Join(p.still(p.path, s.Old), p.unchanged(s.Staged, s.Built)); err != nil {
		return nil, err
	}
	locked, err := p.openLock(s.Old)
	if err != nil {
		return nil, err
	}
	defer locked.Close() // It was only read.
	if err := mark(locked); errors.Is(err, errUnmarked) {
		unmarked = err
	} else if err != nil {
		return nil, err
	}
	s.watch(p, locked, unmarked == nil)
	err = p.swap(s, w)
	if err == nil || errors.Is(err, ErrInPlace) || p.still(p.path, s.Old) != nil {
		return unmarked, explainMount(p.path, err)
	}
	if markErr := Unmark(locked); markErr != nil {
		err = errors.Join(err, fmt.Errorf("%s: %w: %w", locked.Name(), ErrMarked, markErr))
	}
	return unmarked, explainMount(p.path, err)
}

// explainMount says what to do about a network whose directory or file is a mount point,
// of which the kernel changes no name.
func explainMount(path string, err error) error {
	if !errors.Is(err, syscall.EBUSY) {
		return err
	}
	return fmt.Errorf("%w: something is mounted at %s itself; migrate where that is mounted from, or unmount it first", err, path)
}

// still returns an error unless what stands at path is what old describes.
func (p Place) still(path string, old fs.FileInfo) error {
	now, err := os.Lstat(path)
	if err == nil && !os.SameFile(now, old) {
		err = fmt.Errorf("%s was replaced by another program meanwhile; nothing was changed", p.path)
	}
	return err
}

// unchanged returns an error unless what is at path is what was built, and as it was when
// it was compared.
func (p Place) unchanged(path string, built fs.FileInfo) error {
	now, err := os.Lstat(path)
	if err == nil && !(os.SameFile(now, built) && now.Size() == built.Size() && now.ModTime().Equal(built.ModTime())) {
		err = fmt.Errorf("%s is not the store that was built there; another program changed it meanwhile", path)
	}
	return err
}

// swap is Swap in these ways.
func (p Place) swap(s Swap, w ways) error {
	if s.Built.Mode().IsRegular() && s.Old.Mode().IsRegular() {
		return p.replace(s, w)
	}
	if err := s.unchanged(); err != nil {
		return err
	}
	err := w.exchange(s.Staged, p.path)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EXDEV) {
		return p.swapInTurn(s, w)
	}
	if err != nil {
		return err
	}
	err = errors.Join(p.still(s.Staged, s.Old), p.unchanged(p.path, s.Built), s.marked())
	if err == nil {
		err = p.sync()
	}
	if err != nil {
		return errors.Join(err, w.exchange(s.Staged, p.path))
	}
	return inPlace(p.setAside(s.Staged, s.Old, s.Aside))
}

// ErrInPlace says that an error came too late to matter much.
var ErrInPlace = errors.New("the new store is in its place, or the next plugin puts it there")

func inPlace(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w, but: %w; run the same command again", ErrInPlace, err)
}

// replace is Swap for two files: the old one gets a second name before it loses
// the one it has.
func (p Place) replace(s Swap, w ways) error {
	if err := os.Link(p.path, s.Aside); err != nil {
		return p.swapInTurn(s, w) // Not every file system has links.
	}
	err := p.sync()
	if err == nil {
		err = errors.Join(p.still(s.Aside, s.Old), p.unchanged(s.Staged, s.Built), s.unchanged())
	}
	if err == nil {
		err = os.Rename(s.Staged, p.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(s.Aside))
	}
	return inPlace(errors.Join(p.unchanged(p.path, s.Built), p.sync()))
}
