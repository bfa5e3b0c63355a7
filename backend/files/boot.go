package files

import (
	"cmp"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

// A marker is the content of the file for SetLastSearch. It begins with a word, so that the
// stock plugin does not take it for the lease of a container whose ID equals the boot ID.
type marker struct {
	text string
	file string // the name of the file; empty if there is none
}

// hasPresentName reports whether the marker has its present name, or is missing.
func (m marker) hasPresentName() bool { return m.file == "" || m.file == bootName }

const (
	markerHead = "boot "
	markerTail = "\n"

	// maxMarker is more than a boot ID takes.
	maxMarker = 64 << 10
)

func markerContent(text string) string { return markerHead + text + markerTail }

// marker returns the stored marker. An invalid file counts as missing: leases of an unknown
// boot are kept.
func (t *tx) marker() (marker, error) {
	if t.cachedMarker != nil {
		return *t.cachedMarker, nil
	}
	var m marker
	for _, name := range []string{bootName, earlyBootName} {
		if err := t.readMarker(name, &m); err != nil {
			return m, err
		}
		if m.text != "" {
			break
		}
	}
	t.cachedMarker = &m
	return m, nil
}

// readMarker sets m if the file is a valid marker.
func (t *tx) readMarker(name string, m *marker) error {
	resolved := t.resolve(name)
	if resolved == "" {
		return nil
	}
	content, _, err := t.dir.read(resolved, nil, maxMarker)
	rest, isMarker := strings.CutPrefix(string(content), markerHead)
	if text, whole := strings.CutSuffix(rest, markerTail); err == nil && isMarker && whole {
		*m = marker{text, name}
	}
	return ignoreNotExist(err)
}

// bootOf returns the present boot for a lease whose file is not older than that boot, and an
// empty string for others.
//
// A file can be newer than its modification time says: a lease copied from another store keeps
// its old time. A marker proves that the store was in use in an earlier boot; then a lease that
// was copied in this boot must not count as one of the earlier boot, unless the file says by its
// sticky bit that it was of an earlier one when it was copied. Without a marker only the
// modification time counts.
func (t *tx) bootOf(i info) string {
	switch started := t.present.started; {
	case !i.modified.Before(started):
		return t.present.id
	case i.changed.Before(started), i.earlier:
		return ""
	}
	if m, err := t.marker(); err == nil && m.file == "" {
		return ""
	}
	return t.present.id
}

// isEarlier reports whether a new file for the lease has to say that it is of an earlier boot,
// because its ctime says otherwise.
func (b boot) isEarlier(l backend.Lease) bool {
	return l.Boot != "" && l.Boot != b.id && b.startedAfter(l.Since)
}

// startedAfter is false for a time or a boot that is not known.
func (b boot) startedAfter(at time.Time) bool {
	return b.id != "" && !at.IsZero() && at.Before(b.started)
}

// keepEarlier makes a lease file that will be changed go on being of an earlier boot. Where the
// mode cannot be changed, the lease counts as one of this boot, and stays until the next.
func (t *tx) keepEarlier(name string, i info) {
	if i.earlier || !t.present.startedAfter(i.modified) || !i.changed.Before(t.present.started) {
		return
	}
	f, err := t.dir.open(name, os.O_RDONLY, 0)
	if err != nil {
		return // What comes next returns the error, if it persists.
	}
	defer f.Close() // It was only read.
	if s, err := f.Stat(); err == nil {
		_ = f.Chmod(s.Mode() | fs.ModeSticky) // See above.
	}
}

// LastSearch implements [backend.ReadTx].
func (t *tx) LastSearch() (string, error) {
	if err := t.usable(); err != nil {
		return "", err
	}
	if t.newSearch != nil {
		return *t.newSearch, nil
	}
	m, err := t.marker()
	return m.text, err
}

// SetLastSearch implements [backend.Tx].
func (t *tx) SetLastSearch(text string) error {
	if err := cmp.Or(t.usable(), storekit.CheckBoot(text)); err != nil {
		return err
	}
	t.newSearch = &text
	return nil
}

// addMarker adds the changes that make the marker record the search.
func (t *tx) addMarker(c *changeSet) error {
	if t.newSearch == nil {
		return nil
	}
	m, err := t.marker()
	if err != nil || m.text == *t.newSearch && m.hasPresentName() {
		return err
	}
	for _, name := range []string{bootName, earlyBootName} {
		i, err := t.dir.stat(name)
		if err == nil && i.mode.IsRegular() {
			c.deletes = append(c.deletes, i.asDeleted(name))
		} else if ignoreNotExist(err) != nil {
			return err
		}
	}
	if *t.newSearch != "" {
		c.creates = append(c.creates, newFile{name: bootName, content: markerContent(*t.newSearch)})
	}
	return nil
}
