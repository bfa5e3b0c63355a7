package files

import (
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A journal says how to end a transaction that was interrupted. If the transaction only
// deletes, or the journal says redo, it is carried on. Otherwise it is undone, and what it
// was going to delete is still there.
type journal struct {
	file    string // the name of its file, empty if there is none
	text    string // what is in it
	redo    bool
	taken   bool      // no other process has the file: see take
	own     bool      // the transaction is that of this process, and was not interrupted
	written time.Time // the time of the file
	created []created
	deleted []deleted

	// early: the journal is of version 1. Files that were to be deleted had been renamed
	// by then, and are to be restored.
	early bool

	// ambiguous: a file was left that may be a later one than the journal means.
	ambiguous bool

	// torn: the journal cannot be read, and this is what was found out
	// without it.
	torn bool
}

// A created file is a lease or a marker that the transaction makes. Its content is known.
type created struct {
	name string
	temp string // what it is called before
	identity
}

// A deleted file is one that the transaction deletes.
type deleted struct {
	name string
	identity
}

const (
	undoHead       = "leasehold-undo "
	redoHead       = "leasehold-redo " // since version 2
	journalVersion = "2"
	earlyVersion   = "1"

	noHandle = "-" // stands for the handle if a field follows
)

var errTorn = errors.New("torn")

// encode writes lines: the head and the version, one for each file, and the
// CRC-32 (IEEE) of all before in hexadecimal digits. Programs that know fewer fields of a line
// ignore those at its end.
func (j *journal) encode() string {
	var b strings.Builder
	head := undoHead
	if j.redo {
		head = redoHead
	}
	b.WriteString(head + journalVersion + "\n")
	for _, c := range j.created {
		fmt.Fprintf(&b, "create %s %s %d %d %q", c.name, c.temp, c.inode, c.modified, c.content)
		if c.handle != "" {
			b.WriteString(" " + c.handle)
		}
		b.WriteString("\n")
	}
	for _, x := range j.deleted {
		fmt.Fprintf(&b, "delete %s %d %d", x.name, x.inode, x.modified)
		if x.handle != "" || x.known {
			b.WriteString(" " + cmp.Or(x.handle, noHandle))
		}
		if x.known {
			fmt.Fprintf(&b, " %q", x.content)
		}
		b.WriteString("\n")
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
	j, err := newJournal(lines[0])
	if err != nil {
		return nil, err
	}
	for _, line := range lines[1:] {
		if err := j.add(line); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// newJournal reads the first line.
func newJournal(line string) (*journal, error) {
	version, isUndo := strings.CutPrefix(line, undoHead)
	version, isRedo := strings.CutPrefix(version, redoHead)
	switch {
	case isUndo == isRedo:
		return nil, errTorn
	case version == journalVersion:
		return &journal{redo: isRedo}, nil
	case version == earlyVersion && isUndo:
		return &journal{early: true}, nil
	}
	return nil, fmt.Errorf("%w: version %q; this program knows versions %s and %s",
		backend.ErrFormat, version, earlyVersion, journalVersion)
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
		return j.addDeleted(name, rest)
	case "create":
		return j.addCreated(name, rest)
	}
	return errTorn
}

func (j *journal) addDeleted(name, rest string) error {
	x := deleted{name: name}
	if !j.early {
		if err := x.addFields(rest); err != nil {
			return err
		}
	}
	j.deleted = append(j.deleted, x)
	return nil
}

func (x *deleted) addFields(text string) error {
	rest, err := x.addTime(text)
	if err != nil {
		return err
	}
	rest = x.addHandle(rest)
	if rest == "" {
		return nil
	}
	_, err = x.addContent(rest)
	return err
}

func (j *journal) addCreated(name, rest string) error {
	c := created{name: name, temp: newPrefix + name} // as version 1 has it
	if !j.early {
		c.temp, rest, _ = strings.Cut(rest, " ")
	}
	if !isTemporary(c.temp) || strings.ContainsRune(c.temp, '/') {
		return errTorn
	}
	rest, err := c.addTime(rest)
	if err == nil {
		rest, err = c.addContent(rest)
	}
	if err != nil {
		return err
	}
	c.addHandle(rest)
	j.created = append(j.created, c)
	return nil
}

// addTime reads inode and time, and returns the rest of the line.
func (id *identity) addTime(text string) (rest string, err error) {
	inode, rest, _ := strings.Cut(text, " ")
	modified, rest, _ := strings.Cut(rest, " ")
	id.inode, err = strconv.ParseUint(inode, 10, 64)
	if err == nil {
		id.modified, err = strconv.ParseInt(modified, 10, 64)
	}
	if err != nil {
		return "", errTorn
	}
	return rest, nil
}

func (id *identity) addContent(text string) (rest string, err error) {
	quoted, err := strconv.QuotedPrefix(text)
	if err == nil {
		id.content, err = strconv.Unquote(quoted)
	}
	if err != nil {
		return "", errTorn
	}
	id.known = true
	return strings.TrimPrefix(text[len(quoted):], " "), nil
}

func (id *identity) addHandle(text string) (rest string) {
	id.handle, rest, _ = strings.Cut(text, " ")
	if id.handle == noHandle {
		id.handle = ""
	}
	return rest
}

// undoable reports whether that is a file that transactions make and delete.
func undoable(name string) bool {
	_, _, isLease := parseName(name)
	return isLease || name == bootName || name == earlyBootName
}

// journals returns what interrupted transactions have left, the latest last. The lock file
// does not tell whether there are any: what it says is that everything is durable.
func (d *dir) journals() ([]*journal, error) {
	var all []*journal
	for _, name := range []string{earlyJournalName, journalName} {
		j, err := d.journal(name)
		if err != nil {
			return nil, err
		}
		if j != nil {
			all = append(all, j)
		}
	}
	return all, nil
}

// journal returns the journal of that name, or nil.
func (d *dir) journal(name string) (*journal, error) {
	text, i, err := d.read(name, nil, math.MaxInt64)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	j, err := decodeJournal(string(text))
	if errors.Is(err, errTorn) {
		j, err = d.salvage(name)
	}
	if err != nil {
		return nil, d.fail("read", name, err)
	}
	j.file, j.text, j.written = name, string(text), i.modified
	return j, nil
}

// salvage makes up for a journal that cannot be read, which a disk has to lie for:
// it was synced before it got its name. What was created stays, as there is no telling,
// and what was about to be deleted stays if it is there. An early version has renamed such
// files: they tell their names, and are to be restored. Either way an address is rather
// leaked than leased twice, and the store goes on working.
func (d *dir) salvage(name string) (*journal, error) {
	j := &journal{torn: true, early: name == earlyJournalName}
	if !j.early {
		return j, nil
	}
	l, err := d.listing(nil, nil)
	if err != nil {
		return nil, err
	}
	for _, temporary := range l.temporary {
		name, ok := strings.CutPrefix(temporary, oldPrefix)
		if ok && undoable(name) {
			j.deleted = append(j.deleted, deleted{name: name})
		}
	}
	return j, nil
}

// committed reports whether the transaction is carried on, and not undone.
func (j *journal) committed() bool {
	return !j.early && !j.torn && (len(j.created) == 0 || j.redo)
}

// deletes returns the file of that name that the transaction deletes, if it does.
func (j *journal) deletes(name string) (deleted, bool) {
	for _, x := range j.deleted {
		if x.name == name {
			return x, true
		}
	}
	return deleted{}, false
}

func (j *journal) creates(name string) bool {
	return slices.ContainsFunc(j.created, func(c created) bool { return c.name == name })
}
