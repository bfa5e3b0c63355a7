package files

import (
	"cmp"
	"errors"
	"io/fs"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// A marker is the content of the file that keeps what SetBoot was given. It begins with
// a word, so that the stock plugin does not take it for the lease of a container
// whose ID is that of the boot.
type marker struct {
	id     string
	exists bool
}

const (
	markerHead = "boot "
	markerTail = "\n"

	// maxMarker is more than a boot ID takes.
	maxMarker = 64 << 10
)

func markerContent(id string) string { return markerHead + id + markerTail }

// marker returns what is stored. A file that is not as it should be is as good
// as none: leases of which it is not known when they were made are kept.
func (t *tx) marker() (marker, error) {
	if t.mark != nil {
		return *t.mark, nil
	}
	var m marker
	if actual := t.actual(bootName); actual != "" {
		content, _, err := t.dir.read(actual, nil, maxMarker)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return m, err
		}
		m.exists = err == nil
		text, isMarker := strings.CutPrefix(string(content), markerHead)
		if id, whole := strings.CutSuffix(text, markerTail); isMarker && whole {
			m.id = id
		}
	}
	t.mark = &m
	return m, nil
}

// bootOf returns the present boot for a lease whose file is not older than that. Of others,
// of which no boot is known, it returns an empty string.
//
// A file can be younger than its time says: a lease that was copied from another store has
// its old time. Where a marker says how long ago the store was in use, such a lease
// must not be taken for one that was here before, and has the present boot. Where
// there is no marker its time is all that is known of it.
func (t *tx) bootOf(i info) string {
	switch started := t.present.started; {
	case !i.modified.Before(started):
		return t.present.id
	case i.changed.Before(started):
		return ""
	}
	if m, err := t.marker(); err == nil && !m.exists {
		return ""
	}
	return t.present.id
}

// Boot implements [backend.ReadTx].
func (t *tx) Boot() (string, error) {
	if err := t.usable(); err != nil {
		return "", err
	}
	if t.newBoot != nil {
		return *t.newBoot, nil
	}
	m, err := t.marker()
	return m.id, err
}

// SetBoot implements [backend.Tx].
func (t *tx) SetBoot(id string) error {
	if err := cmp.Or(t.usable(), backend.CheckBoot(id)); err != nil {
		return err
	}
	t.newBoot = &id
	return nil
}

// changeBoot adds to c what makes the marker name the new boot.
func (t *tx) changeBoot(c *change) error {
	if t.newBoot == nil {
		return nil
	}
	m, err := t.marker()
	if err != nil || m.id == *t.newBoot {
		return err
	}
	if m.exists {
		c.deletes = append(c.deletes, bootName)
	}
	if *t.newBoot != "" {
		c.creates = append(c.creates, create{name: bootName, content: markerContent(*t.newBoot)})
	}
	return nil
}
