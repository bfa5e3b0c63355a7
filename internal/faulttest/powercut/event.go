//go:build linux

package powercut

import (
	"fmt"
	"io/fs"
	"time"
)

// A history lists what programs did and what was promised, in order.
type history []event

// An event changes the disk or the promises. Paths are relative to the recorded directory,
// which is ".".
type event interface {
	apply(*moment) error
	String() string
}

// A moment is the state of the disk and the promises after some events.
type moment struct {
	disk     *disk
	promises *promises
}

func newMoment() *moment { return &moment{newDisk(), newPromises()} }

func (m *moment) apply(e event) error {
	m.disk.now++
	if err := e.apply(m); err != nil {
		return fmt.Errorf("%v: %w", e, err)
	}
	return nil
}

// Changes of names.
type (
	create struct {
		path     string
		inode    int // the name of the file in the vault
		modified time.Time
	}
	mkdir    struct{ path string }
	rename   struct{ from, to string }
	exchange struct{ a, b string }
	link     struct{ from, to string }
	remove   struct{ path string }
)

func (e create) String() string   { return "create " + e.path }
func (e mkdir) String() string    { return "make directory " + e.path }
func (e rename) String() string   { return "rename " + e.from + " to " + e.to }
func (e exchange) String() string { return "exchange " + e.a + " and " + e.b }
func (e link) String() string     { return "link " + e.from + " to " + e.to }
func (e remove) String() string   { return "remove " + e.path }

func (e create) apply(m *moment) error {
	return m.disk.change(e.String(), entry{e.path, &node{inode: e.inode, content: content{modified: e.modified}}})
}

func (e mkdir) apply(m *moment) error {
	return m.disk.change(e.String(), entry{e.path, newDir()})
}

func (e rename) apply(m *moment) error {
	n, err := m.disk.find(e.from)
	if err != nil {
		return err
	}
	return m.disk.change(e.String(), entry{e.from, nil}, entry{e.to, n})
}

func (e exchange) apply(m *moment) error {
	a, err := m.disk.find(e.a)
	if err != nil {
		return err
	}
	b, err := m.disk.find(e.b)
	if err != nil {
		return err
	}
	return m.disk.change(e.String(), entry{e.a, b}, entry{e.b, a})
}

func (e link) apply(m *moment) error {
	n, err := m.disk.find(e.from)
	if err != nil {
		return err
	}
	return m.disk.change(e.String(), entry{e.to, n})
}

func (e remove) apply(m *moment) error {
	if _, err := m.disk.find(e.path); err != nil {
		return err
	}
	return m.disk.change(e.String(), entry{e.path, nil})
}

// Changes of a file.
type (
	write struct {
		path     string
		at       int64
		data     []byte
		modified time.Time
	}
	truncate struct {
		path string
		size int64
	}
	extend struct { // only if the file is shorter
		path string
		size int64
	}
	touch struct {
		path     string
		modified time.Time
	}
	mode struct { // only the mark of a replaced store
		path   string
		marked bool
	}
)

func (e write) String() string {
	return fmt.Sprintf("write %d bytes at %d of %s", len(e.data), e.at, e.path)
}
func (e truncate) String() string { return fmt.Sprintf("truncate %s to %d", e.path, e.size) }
func (e extend) String() string   { return fmt.Sprintf("extend %s to %d", e.path, e.size) }
func (e touch) String() string    { return "set time of " + e.path }
func (e mode) String() string     { return fmt.Sprintf("mark %s: %t", e.path, e.marked) }

func (e write) apply(m *moment) error {
	end := e.at + int64(len(e.data))
	return m.disk.edit(e.path, edit{what: e.String(), at: e.at, data: e.data, size: end, grows: true, modified: e.modified})
}

func (e truncate) apply(m *moment) error {
	return m.disk.edit(e.path, edit{what: e.String(), size: e.size, cuts: true})
}

func (e extend) apply(m *moment) error {
	return m.disk.edit(e.path, edit{what: e.String(), size: e.size, grows: true})
}

func (e touch) apply(m *moment) error {
	return m.disk.edit(e.path, edit{what: e.String(), modified: e.modified})
}

func (e mode) apply(m *moment) error {
	return m.disk.edit(e.path, edit{what: e.String(), modes: true, marked: e.marked})
}

// Syncs. A sync covers everything done before the call began; began is the number of
// events at that time.
type (
	synced struct {
		path  string
		began int
	}
	allSynced struct{ began int }
)

func (e synced) String() string    { return "sync " + e.path }
func (e allSynced) String() string { return "sync all" }

func (e synced) apply(m *moment) error {
	n, err := m.disk.find(e.path)
	if err != nil {
		return err
	}
	m.disk.sync(n, e.began)
	return nil
}

func (e allSynced) apply(m *moment) error {
	m.disk.syncAll(e.began)
	return nil
}

// errMissing is the error of an event on a file that the model does not have, because an
// earlier event was not recorded.
func errMissing(path string) error {
	return &fs.PathError{Op: "model", Path: path, Err: fs.ErrNotExist}
}
