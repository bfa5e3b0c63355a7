package files

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// A journal says how to undo a transaction that was interrupted.
type journal struct {
	created []created
	deleted []string // their files are under oldPrefix and the name, or not touched yet

	// torn: the journal cannot be read, and this is what was found out
	// without it.
	torn bool
}

// A created file is known again by these: the stock plugin, which knows of no
// journal, can have released the address meanwhile and leased it to another.
type created struct {
	name     string
	inode    uint64
	modified int64 // Unix time in nanoseconds
	content  string
}

const (
	journalHead    = "leasehold-undo "
	journalVersion = "1"
)

var errTorn = errors.New("torn")

// encode writes lines: the head and the version, one for each file, and the
// CRC-32 (IEEE) of all before in hexadecimal digits.
func (j *journal) encode() string {
	var b strings.Builder
	b.WriteString(journalHead + journalVersion + "\n")
	for _, c := range j.created {
		fmt.Fprintf(&b, "create %s %d %d %q\n", c.name, c.inode, c.modified, c.content)
	}
	for _, name := range j.deleted {
		fmt.Fprintf(&b, "delete %s\n", name)
	}
	fmt.Fprintf(&b, "crc32 %08x\n", crc32.ChecksumIEEE([]byte(b.String())))
	return b.String()
}

// decodeJournal returns errTorn for what was not written as it stands there, and
// [backend.ErrFormat] for what another version of this package has written.
func decodeJournal(text string) (*journal, error) {
	body, sum, ok := cutLast(strings.TrimSuffix(text, "\n"), "\ncrc32 ")
	if !ok || sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body+"\n"))) {
		return nil, errTorn
	}
	lines := strings.Split(body, "\n")
	version, ok := strings.CutPrefix(lines[0], journalHead)
	if !ok {
		return nil, errTorn
	}
	if version != journalVersion {
		return nil, fmt.Errorf("%w: version %q; this program knows version %s", backend.ErrFormat, version, journalVersion)
	}
	j := new(journal)
	for _, line := range lines[1:] {
		if err := j.add(line); err != nil {
			return nil, err
		}
	}
	return j, nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func (j *journal) add(line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	name, rest, _ := strings.Cut(rest, " ")
	if !undoable(name) {
		return errTorn
	}
	switch verb {
	case "delete":
		j.deleted = append(j.deleted, name)
		return nil
	case "create":
		c := created{name: name}
		if _, err := fmt.Sscanf(rest, "%d %d %q", &c.inode, &c.modified, &c.content); err != nil {
			return errTorn
		}
		j.created = append(j.created, c)
		return nil
	}
	return errTorn
}

// undoable reports whether that is a file that transactions make and delete.
func undoable(name string) bool {
	_, _, isLease := parseName(name)
	return isLease || name == bootName
}

// journal returns the journal of an interrupted transaction, or nil.
func (d *dir) journal() (*journal, error) {
	text, _, err := d.read(journalName, nil, math.MaxInt64)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	j, err := decodeJournal(string(text))
	if errors.Is(err, errTorn) {
		return d.salvage()
	}
	return j, d.fail("read", journalName, err)
}

// salvage makes up for a journal that cannot be read, which a disk has to lie for:
// it was synced before it got its name. Files that were about to be deleted
// tell their names, and are to be restored. What was created stays, as there is
// no telling. Either way an address is rather leaked than leased twice, and the
// store goes on working.
func (d *dir) salvage() (*journal, error) {
	j := &journal{torn: true}
	l, err := d.listing(nil, nil)
	if err != nil {
		return nil, err
	}
	for _, temporary := range l.temporary {
		name, ok := strings.CutPrefix(temporary, oldPrefix)
		if ok && undoable(name) {
			j.deleted = append(j.deleted, name)
		}
	}
	return j, nil
}

// reuses reports whether a file is deleted and another of its name created.
func (j *journal) reuses() bool {
	deleted := map[string]bool{}
	for _, name := range j.deleted {
		deleted[name] = true
	}
	for _, c := range j.created {
		if deleted[c.name] {
			return true
		}
	}
	return false
}
