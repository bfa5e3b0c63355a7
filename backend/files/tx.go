package files

import (
	"errors"
	"io/fs"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

// A tx is a transaction: the directory, and the changes to make once fn has returned.
type tx struct {
	dir     *dir
	present boot
	ended   bool
	buf     []byte // for the content of one lease file at a time

	listing      *listing // nil until needed
	cachedMarker *marker  // nil until needed

	// redirects maps the name of a file to the name under which to find it instead. An empty
	// name means that the file counts as deleted.
	redirects map[string]string

	puts      map[netip.Addr]newLease
	deletes   []deletedFile
	cursors   map[string]netip.Addr
	newSearch *string
}

// A newLease is a lease that was put.
type newLease struct {
	backend.Lease
	earlier bool // see newFile
}

var _ backend.Tx = (*tx)(nil)

// run calls fn, and ends the transaction.
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

// list lists the directory, once in a transaction.
func (t *tx) list() (*listing, error) {
	if t.listing != nil {
		return t.listing, nil
	}
	l, err := t.dir.list(t.redirects, nil)
	if err != nil {
		return nil, err
	}
	t.listing = l
	return l, nil
}

// prepareView returns false if the View found no lock file, and there is one by now: its holder
// does not know of the View.
func (t *tx) prepareView() (ok bool, err error) {
	if err := t.previewRecovery(); err != nil || t.dir.lock != nil {
		return err == nil, err
	}
	if _, err := t.list(); err != nil {
		return false, err
	}
	return t.dir.lockCurrent()
}

// withFile calls try with each name under which a lease of addr can be found, until try returns
// something other than [fs.ErrNotExist]. The file called name is found under the name resolved.
func (t *tx) withFile(addr netip.Addr, try func(name, resolved string) error) error {
	name := fileName(addr)
	if resolved := t.resolve(name); resolved != "" {
		if err := try(name, resolved); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	l, err := t.list()
	if err != nil {
		return err
	}
	for _, name := range l.irregular[addr] {
		if resolved := t.resolve(name); resolved != "" {
			return try(name, resolved)
		}
	}
	return fs.ErrNotExist
}

// resolve returns the name under which to find a file; empty if it counts as deleted.
func (t *tx) resolve(name string) string {
	if to, ok := t.redirects[name]; ok {
		return to
	}
	return name
}

// checkExists, passed to withFile, only tests for presence.
func (t *tx) checkExists(_, resolved string) error {
	_, err := t.dir.stat(resolved)
	return err
}
