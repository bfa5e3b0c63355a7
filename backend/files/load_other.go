//go:build !linux

package files

import (
	"cmp"
	"os"
)

// A maker makes the files of a new store. It syncs each one, because no call syncs all of them.
type maker struct{ dir *dir }

func newMaker(d *dir) *maker { return &maker{d} }

// make creates a file, which must not exist.
func (m *maker) make(c newFile) error {
	f, err := m.dir.open(c.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, c.mode())
	if err != nil {
		return m.dir.explainColon(c.name, err)
	}
	_, err = m.dir.fill(f, c.name, c)
	return cmp.Or(err, m.dir.fail("close", c.name, f.Close()))
}

// finish does nothing: the caller syncs the directory.
func (m *maker) finish() error { return nil }

func (m *maker) stop() {}
