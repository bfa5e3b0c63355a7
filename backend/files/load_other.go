//go:build !linux

package files

import (
	"cmp"
	"os"
)

// A maker makes the files of a new store, each of them durable: there is no call that
// would do so for all of them together.
type maker struct{ dir *dir }

func newMaker(d *dir) *maker { return &maker{d} }

// make makes a file that is not there.
func (m *maker) make(c create) error {
	f, err := m.dir.open(c.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return m.dir.ifColon(c.name, err)
	}
	_, err = m.dir.fill(f, c.name, c)
	return cmp.Or(err, m.dir.fail("close", c.name, f.Close()))
}

// finish has nothing to do but for the directory, which the caller syncs.
func (m *maker) finish() error { return nil }

func (m *maker) stop() {}
