package files

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/owner"
)

// Create makes a store with the content c at path, which must not exist. It keeps the same
// fields of a lease as Put. When it returns nil, everything is durable, the name of the store
// included; after an error nothing is left at path. The content of a shared store gives
// [backend.ErrNotShareable].
//
// No other process may use the path meanwhile. If the process is killed, part of a store may be
// left at path; the caller removes it.
func Create(path string, c backend.Content) error { return Open(path).Create(c) }

// Create is the function Create for the store's path, which knows the present boot ([WithBoot]).
// Nothing else may use the path meanwhile.
func (s *Store) Create(c backend.Content) error {
	path := s.path
	c, err := storekit.CheckContent(c)
	if err != nil {
		return err
	}
	if !c.Membership.IsZero() {
		return fmt.Errorf("%s: %w", path, backend.ErrNotShareable)
	}
	if err := owner.Mkdir(path, 0o755); err != nil {
		return noSpace(err)
	}
	ended := false
	defer func() {
		if !ended {
			os.RemoveAll(path) // c panics, so there is no caller to return an error to.
		}
	}()
	err = load(path, c, s.boot)
	ended = true
	if err != nil {
		return errors.Join(noSpace(err), os.RemoveAll(path))
	}
	return nil
}

// load fills an empty directory.
func load(path string, c backend.Content, present boot) error {
	d, err := openRoot(path)
	if err != nil {
		return err
	}
	defer d.close()
	m := newMaker(d)
	defer m.stop() // On success its errors have been returned; on failure another one is.
	if err := m.make(newFile{name: lockName}); err != nil {
		return err
	}
	if err := m.makeLeases(c, present); err != nil {
		return err
	}
	if err := m.makeOthers(c); err != nil {
		return err
	}
	if err := m.finish(); err != nil {
		return err
	}
	return cmp.Or(d.sync(), durable.SyncDir(filepath.Dir(path)))
}

func (m *maker) makeLeases(c backend.Content, present boot) error {
	for l, err := range c.Leases {
		if err != nil {
			return err
		}
		made := newFile{name: fileName(l.Addr), content: leaseContent(l.Owner), earlier: present.isEarlier(l)}
		if !l.Since.IsZero() { // Otherwise the file gets the present time anyway.
			made.since = l.Since
		}
		if err := m.make(made); err != nil {
			return err
		}
	}
	return nil
}

// makeOthers makes the files other than leases.
func (m *maker) makeOthers(c backend.Content) error {
	for set, addr := range c.Cursors {
		if err := m.make(newFile{name: cursorPrefix + set, content: addr.String()}); err != nil {
			return err
		}
	}
	if c.LastSearch == "" {
		return nil
	}
	return m.make(newFile{name: bootName, content: markerContent(c.LastSearch)})
}
