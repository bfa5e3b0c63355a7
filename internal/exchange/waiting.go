package exchange

import (
	"os"
	"path/filepath"
)

// A Waiting is a store that waits for its place, from a [Place.Swap] that was interrupted.
type Waiting struct {
	Name string // of the network; of one that is too long, the beginning and a hash: see [Fit]
	Path string // where it waits
}

// WaitingIn returns the stores of a data directory that wait for their places, by name. Of
// several of one network it is the one that is moved there first. Whether a network with too
// long a name has its store already, which kept its other name for a moment, only
// [Place.FinishSwap] can tell.
func WaitingIn(dataDir string) ([]Waiting, error) {
	names, err := Names(dataDir)
	var all []Waiting
	for _, name := range names {
		path, waitErr := At(filepath.Join(dataDir, name)).waiting()
		if waitErr != nil {
			return all, waitErr
		}
		if path != "" {
			all = append(all, Waiting{name, path})
		}
	}
	return all, err
}

// waiting returns the path of the store that waits for the place, or an empty
// string. A store that waits while what it is to replace has not left is no store
// yet: the program that built it was stopped before it mattered.
func (p Place) waiting() (string, error) {
	olds, err := p.replaced()
	if err != nil {
		return "", err
	}
	for _, old := range olds {
		left, err := exists(os.Lstat, old)
		if err != nil {
			return "", err
		}
		if left && !p.isThere(old+next) {
			return old + next, nil
		}
	}
	return "", nil
}

// isThere reports whether a store that waits has come to the place, and only kept its
// other name: where a name cannot be changed without replacing another, a store has two
// for a moment.
func (p Place) isThere(waiting string) bool {
	here, err := os.Lstat(p.path)
	if err != nil {
		return false
	}
	there, err := os.Lstat(waiting)
	return err == nil && os.SameFile(here, there)
}

// Stranded returns the path of a store that waits for the place while something else
// stands there, or an empty string. That takes a program that does not call FinishSwap.
func (p Place) Stranded() (string, error) {
	waiting, err := p.waiting()
	if err != nil || waiting == "" {
		return "", err
	}
	if there, err := exists(os.Lstat, p.path); !there || err != nil {
		return "", err
	}
	return waiting, nil
}

// ErrStranded returns an error that says so, or nil.
func (p Place) ErrStranded() error {
	waiting, err := p.Stranded()
	if err != nil || waiting == "" {
		return err
	}
	return p.arrived(waiting)
}
