package exchange

import (
	"errors"
	"fmt"
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
// A Swap that fails, or is interrupted, can leave behind what [Place.CleanUp] is
// for.
func (p Place) Swap(staged, aside string) error { return p.swap(staged, aside, durable.Exchange) }

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
		return errors.Join(err, exchange(staged, p.path))
	}
	return errors.Join(durable.RenameNew(staged, aside), p.sync())
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
	return errors.Join(p.sync(), p.arrive(waiting), p.arrived(waiting))
}

// arrived returns an error if a store still waits for the place because something
// else has come there.
func (p Place) arrived(waiting string) error {
	if _, err := os.Lstat(waiting); err != nil {
		return nil // It is not there any more, which is what it should be.
	}
	return fmt.Errorf("%s was made by a program that does not know of %s, which belongs there; "+
		"see which addresses are leased in either, remove the former, and rename the latter to it", p.path, waiting)
}
