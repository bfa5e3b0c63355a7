package exchange

import (
	"os"
	"path/filepath"
)

// A WaitingStore waits to be moved into its place, because a [Place.Swap] was interrupted.
type WaitingStore struct {
	Name string // of the network; shortened if it is too long: see [Fit]
	Path string // of the store
}

// WaitingIn returns the waiting stores of a data directory, sorted by name. Of several for one
// network it returns the one that will be moved first. For a network whose name is too long,
// only [Place.FinishSwap] can tell whether the store is in its place already, and has only kept
// its second name for a moment.
func WaitingIn(dataDir string) ([]WaitingStore, error) {
	names, err := Names(dataDir)
	var all []WaitingStore
	for _, name := range names {
		path, waitErr := At(filepath.Join(dataDir, name)).waiting()
		if waitErr != nil {
			return all, waitErr
		}
		if path != "" {
			all = append(all, WaitingStore{name, path})
		}
	}
	return all, err
}

// waiting returns the path of the store that waits for the place, or an empty string. A new
// store whose predecessor still has its place does not count: the program that built it was
// killed before the swap.
func (p Place) waiting() (string, error) {
	olds, err := p.replacedPaths()
	if err != nil {
		return "", err
	}
	for _, old := range olds {
		left, err := exists(os.Lstat, old)
		if err != nil {
			return "", err
		}
		if left && !p.isInPlace(old+nextEnding) {
			return old + nextEnding, nil
		}
	}
	return "", nil
}

// isInPlace reports whether the waiting store is in the place already, and has only kept its
// second name: where a file can be renamed without replacing another only by linking it, a
// store has two names for a moment.
func (p Place) isInPlace(waiting string) bool {
	here, err := os.Lstat(p.path)
	if err != nil {
		return false
	}
	there, err := os.Lstat(waiting)
	return err == nil && os.SameFile(here, there)
}

// Blocked returns the path of a store that waits for the place while something else is there,
// or an empty string. A program that does not call FinishSwap must have made it.
func (p Place) Blocked() (string, error) {
	waiting, err := p.waiting()
	if err != nil || waiting == "" {
		return "", err
	}
	if there, err := exists(os.Lstat, p.path); !there || err != nil {
		return "", err
	}
	return waiting, nil
}

// CheckBlocked returns a [BlockedError] if a store waits for the place and something else is
// there.
func (p Place) CheckBlocked() error {
	waiting, err := p.Blocked()
	if err != nil || waiting == "" {
		return err
	}
	return p.checkMoved(waiting)
}
