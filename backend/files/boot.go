package files

import (
	"cmp"
	"strings"

	"github.com/leasehold/leasehold/backend/storekit"
)

// A marker is the content of the file that keeps what SetBoot was given. It begins with
// a word, so that the stock plugin does not take it for the lease of a container
// whose ID is that of the boot.
type marker struct {
	id   string
	file string // under which name it is; empty if there is none
}

// isCurrent reports whether it need not be written anew.
func (m marker) isCurrent() bool { return m.file == "" || m.file == bootName }

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
	for _, name := range []string{bootName, earlyBootName} {
		if err := t.readMarker(name, &m); err != nil {
			return m, err
		}
		if m.id != "" {
			break
		}
	}
	t.mark = &m
	return m, nil
}

// readMarker changes m if that is the marker.
func (t *tx) readMarker(name string, m *marker) error {
	actual := t.actual(name)
	if actual == "" {
		return nil
	}
	content, _, err := t.dir.read(actual, nil, maxMarker)
	text, isMarker := strings.CutPrefix(string(content), markerHead)
	if id, whole := strings.CutSuffix(text, markerTail); err == nil && isMarker && whole {
		*m = marker{id, name}
	}
	return ignoreNotExist(err)
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
	if m, err := t.marker(); err == nil && m.file == "" {
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
	if err := cmp.Or(t.usable(), storekit.CheckBoot(id)); err != nil {
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
	if err != nil || m.id == *t.newBoot && m.isCurrent() {
		return err
	}
	for _, name := range []string{bootName, earlyBootName} {
		i, err := t.dir.stat(name)
		if err == nil && i.mode.IsRegular() {
			c.deletes = append(c.deletes, i.deleted(name))
		} else if ignoreNotExist(err) != nil {
			return err
		}
	}
	if *t.newBoot != "" {
		c.creates = append(c.creates, create{name: bootName, content: markerContent(*t.newBoot)})
	}
	return nil
}
