package files

import (
	"cmp"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// A lease file does not say in which boot of the machine it was made. What says
// so for all of them is the marker: the boot in which the store was last looked
// through for leases of earlier boots. If it names another boot than the present
// one, files that are older than the present boot were made before it. A clock
// alone does not decide that: it can be wrong while a machine starts.

// A marker is the content of the file of that purpose. Its text begins with
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

// bootOf returns the boot of a lease whose file that is, or an empty string.
func (t *tx) bootOf(i info) (string, error) {
	if t.present.id == "" || t.present.started.IsZero() {
		return "", nil
	}
	// A file is as young as its name: a lease copied from another store has
	// its old time, but was not stored here before.
	if !i.modified.Before(t.present.started) || !i.changed.Before(t.present.started) {
		return "", nil
	}
	id, err := t.Boot()
	if err != nil || id == t.present.id {
		return "", err
	}
	return id, nil
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
