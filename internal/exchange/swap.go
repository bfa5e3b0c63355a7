package exchange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/leasehold/leasehold/internal/durable"
)

// Swap puts what is at staged in the place, and what stood there aside. Both stay
// whole at every moment, and the place is never empty for those who ask
// [Place.Vacant].
//
// The caller holds the locks of both stores, so that nobody works on the one that
// leaves, and what is promised in the one that comes rests on a durable name.
// Everything at staged has to be durable already.
//
// The store that leaves is the one that old describes: if something else has come to
// stand in the place, that stays.
//
// A Swap that fails, or is interrupted, can leave behind what [Place.CleanUp] is
// for.
func (p Place) Swap(staged, aside string, old fs.FileInfo) error {
	if err := p.still(p.path, old); err != nil {
		return err
	}
	return p.swap(staged, aside, func(a, b string) error {
		if err := durable.Exchange(a, b); err != nil {
			return err
		}
		if err := p.still(a, old); err != nil {
			return errors.Join(err, durable.Exchange(a, b))
		}
		return nil
	})
}

// still returns an error unless what stands at path is what old describes.
func (p Place) still(path string, old fs.FileInfo) error {
	now, err := os.Lstat(path)
	if err == nil && !os.SameFile(now, old) {
		err = fmt.Errorf("%s was replaced by another program meanwhile; nothing was changed", p.path)
	}
	return err
}

// swap is Swap on a file system on which two names are exchanged that way.
func (p Place) swap(staged, aside string, exchange func(a, b string) error) error {
	if p.bothFiles(staged) {
		return p.replace(staged, aside)
	}
	err := exchange(staged, p.path)
	if errors.Is(err, errors.ErrUnsupported) {
		return p.swapInTurn(staged, aside)
	}
	if err != nil {
		return err
	}
	if err := p.sync(); err != nil {
		return errors.Join(err, durable.Exchange(staged, p.path))
	}
	return inPlace(errors.Join(durable.RenameNew(staged, aside), p.sync()))
}

// inPlace explains an error that came too late to matter much.
func inPlace(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the new store is in its place, but: %w; run the same command again", err)
}

func (p Place) bothFiles(staged string) bool {
	for _, path := range []string{staged, p.path} {
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// replace is Swap for two files: the old one gets a second name before it loses
// the one it has.
func (p Place) replace(staged, aside string) error {
	if err := os.Link(p.path, aside); err != nil {
		return p.swapInTurn(staged, aside) // Not every file system has links.
	}
	if err := p.sync(); err != nil {
		return errors.Join(err, os.Remove(aside))
	}
	return errors.Join(os.Rename(staged, p.path), p.sync())
}

// swapInTurn is Swap on a file system that cannot exchange. Each sync is there
// because what comes after it must not be on the disk before what comes before it.
func (p Place) swapInTurn(staged, aside string) error {
	waiting := aside + next
	if err := durable.RenameNew(staged, waiting); err != nil {
		return err
	}
	err := p.sync()
	if err == nil {
		err = durable.RenameNew(p.path, aside)
	}
	if err != nil {
		return errors.Join(err, durable.RenameNew(waiting, staged))
	}
	// From here on there is no way back: others may have moved it already.
	return inPlace(errors.Join(p.sync(), p.arrive(waiting), p.arrived(waiting)))
}

// arrived returns an error if a store still waits for the place because something
// else has come there.
func (p Place) arrived(waiting string) error {
	if waits, err := exists(os.Lstat, waiting); !waits || err != nil {
		return err
	}
	return fmt.Errorf("%s was made by a program that does not know of %s, which belongs there; "+
		"see which addresses are leased in either, remove the former, and rename the latter to it", p.path, waiting)
}
