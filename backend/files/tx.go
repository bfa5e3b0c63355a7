package files

import (
	"errors"
	"io/fs"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

// A tx is a transaction: the directory, and what is going to be changed in it
// once fn has returned.
type tx struct {
	dir     *dir
	present boot
	ended   bool
	buf     []byte // for one content after the other

	found *listing // nil until somebody needs it
	mark  *marker  // nil until somebody needs it

	// moved says under which name to look for a file instead of its own, or
	// with an empty name that it counts as gone.
	moved map[string]string

	puts    map[netip.Addr]backend.Lease
	deletes []deleted
	cursors map[string]netip.Addr
	newBoot *string
}

var _ backend.Tx = (*tx)(nil)

// run calls fn, after which the transaction cannot be used.
func (t *tx) run(fn func() error) error {
	defer func() { t.ended = true }()
	return fn()
}

func (t *tx) usable() error {
	if t.ended {
		return storekit.Ended()
	}
	return nil
}

// list makes the one pass over the directory.
func (t *tx) list() (*listing, error) {
	if t.found != nil {
		return t.found, nil
	}
	l, err := t.dir.listing(t.moved, nil)
	if err != nil {
		return nil, err
	}
	t.found = l
	return l, nil
}

// look prepares a View. It is false if the View has found no lock file where by
// now there is one, whose owner does not know of the View.
func (t *tx) look() (ok bool, err error) {
	if err := t.overlook(); err != nil || t.dir.lock != nil {
		return err == nil, err
	}
	if _, err := t.list(); err != nil {
		return false, err
	}
	return t.dir.lockCurrent()
}

// file calls try with the names under which a lease of addr can be found, until
// one gives something else than [fs.ErrNotExist].
func (t *tx) file(addr netip.Addr, try func(name, actual string) error) error {
	name := fileName(addr)
	if actual := t.actual(name); actual != "" {
		if err := try(name, actual); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	l, err := t.list()
	if err != nil {
		return err
	}
	for _, name := range l.odd[addr] {
		if actual := t.actual(name); actual != "" {
			return try(name, actual)
		}
	}
	return fs.ErrNotExist
}

func (t *tx) actual(name string) string {
	if to, ok := t.moved[name]; ok {
		return to
	}
	return name
}

// exists is for file.
func (t *tx) exists(_, actual string) error {
	_, err := t.dir.stat(actual)
	return err
}
