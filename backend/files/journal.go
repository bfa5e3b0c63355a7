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

// A journal says how to end an interrupted transaction. If the transaction only deletes, or the
// journal says redo, it is finished. Otherwise it is undone, and the files it was to delete are
// still there.
type journal struct {
	file    string // the name of the file; empty if there is none
	text    string // the content of the file
	redo    bool
	claimed bool      // no other process can use the file: see claim
	own     bool      // the transaction belongs to this process, and was not interrupted
	written time.Time // the modification time of the file
	created []createdFile
	deleted []deletedFile

	// early: the journal is of version 1. Such a transaction renamed the files that it was
	// going to delete; they are restored.
	early bool

	// ambiguous: a file was left because it may be newer than the file in the journal.
	ambiguous bool

	// corrupt: the file cannot be parsed, and this journal replaces it.
	corrupt bool
}

// A createdFile is a lease or a marker that the transaction makes. Its content is known.
type createdFile struct {
	name string
	temp string // its temporary name
	identity
}

// A deletedFile is a file that the transaction deletes.
type deletedFile struct {
	name string
	identity
}

const (
	undoHead       = "leasehold-undo "
	redoHead       = "leasehold-redo " // since version 2
	journalVersion = "2"
	earlyVersion   = "1"

	noHandle = "-" // in place of the handle if another field follows
)

var errCorrupt = errors.New("the journal is corrupt")

// encode writes lines: the head with the version, one line for each file, and the CRC-32 (IEEE)
// of all lines before in hexadecimal. Older programs ignore additional fields at the end of a
// line.
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
		if x.handle != "" || x.hasContent {
			b.WriteString(" " + cmp.Or(x.handle, noHandle))
		}
		if x.hasContent {
			fmt.Fprintf(&b, " %q", x.content)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "crc32 %08x\n", crc32.ChecksumIEEE([]byte(b.String())))
	return b.String()
}

// decodeJournal returns errCorrupt for a text that encode has not written, and
// [backend.ErrFormat] for another version.
func decodeJournal(text string) (*journal, error) {
	body, sum, ok := cutLast(strings.TrimSuffix(text, "\n"), "\ncrc32 ")
	if !ok || sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body+"\n"))) {
		return nil, errCorrupt
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

// newJournal parses the first line.
func newJournal(line string) (*journal, error) {
	version, isUndo := strings.CutPrefix(line, undoHead)
	version, isRedo := strings.CutPrefix(version, redoHead)
	switch {
	case isUndo == isRedo:
		return nil, errCorrupt
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
	if !isJournaled(name) {
		return errCorrupt
	}
	switch verb {
	case "delete":
		return j.addDeleted(name, rest)
	case "create":
		return j.addCreated(name, rest)
	}
	return errCorrupt
}

func (j *journal) addDeleted(name, rest string) error {
	x := deletedFile{name: name}
	if !j.early {
		if err := x.addFields(rest); err != nil {
			return err
		}
	}
	j.deleted = append(j.deleted, x)
	return nil
}

func (x *deletedFile) addFields(text string) error {
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
	c := createdFile{name: name, temp: newPrefix + name} // of version 1
	if !j.early {
		c.temp, rest, _ = strings.Cut(rest, " ")
	}
	if !isTemporary(c.temp) || strings.ContainsRune(c.temp, '/') {
		return errCorrupt
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

// addTime parses inode and time, and returns the rest of the line.
func (id *identity) addTime(text string) (rest string, err error) {
	inode, rest, _ := strings.Cut(text, " ")
	modified, rest, _ := strings.Cut(rest, " ")
	id.inode, err = strconv.ParseUint(inode, 10, 64)
	if err == nil {
		id.modified, err = strconv.ParseInt(modified, 10, 64)
	}
	if err != nil {
		return "", errCorrupt
	}
	return rest, nil
}

func (id *identity) addContent(text string) (rest string, err error) {
	quoted, err := strconv.QuotedPrefix(text)
	if err == nil {
		id.content, err = strconv.Unquote(quoted)
	}
	if err != nil {
		return "", errCorrupt
	}
	id.hasContent = true
	return strings.TrimPrefix(text[len(quoted):], " "), nil
}

func (id *identity) addHandle(text string) (rest string) {
	id.handle, rest, _ = strings.Cut(text, " ")
	if id.handle == noHandle {
		id.handle = ""
	}
	return rest
}

// isJournaled reports whether transactions create and delete files of that name.
func isJournaled(name string) bool {
	_, _, isLease := parseName(name)
	return isLease || name == bootName || name == earlyBootName
}

// journals returns the journals of interrupted transactions, the latest last. The lock file
// does not tell whether there are any: its clean bit only says that everything is durable.
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
	if errors.Is(err, errCorrupt) {
		j, err = d.corruptJournal(name)
	}
	if err != nil {
		return nil, d.fail("read", name, err)
	}
	j.file, j.text, j.written = name, string(text), i.modified
	return j, nil
}

// corruptJournal replaces a file that cannot be parsed. That takes a faulty disk, because a
// journal is synced before it gets its name. Created files stay, because they are not known,
// and so do files that were to be deleted. An early version has renamed such files: their names
// are known, and they are restored. Either way an address is leaked rather than leased twice,
// and the store continues to work.
func (d *dir) corruptJournal(name string) (*journal, error) {
	j := &journal{corrupt: true, early: name == earlyJournalName}
	if !j.early {
		return j, nil
	}
	l, err := d.list(nil, nil)
	if err != nil {
		return nil, err
	}
	for _, temporary := range l.temporary {
		name, ok := strings.CutPrefix(temporary, oldPrefix)
		if ok && isJournaled(name) {
			j.deleted = append(j.deleted, deletedFile{name: name})
		}
	}
	return j, nil
}

// committed reports whether the transaction is finished rather than undone.
func (j *journal) committed() bool {
	return !j.early && !j.corrupt && (len(j.created) == 0 || j.redo)
}

// deletes returns the file of that name that the transaction deletes, if any.
func (j *journal) deletes(name string) (deletedFile, bool) {
	for _, x := range j.deleted {
		if x.name == name {
			return x, true
		}
	}
	return deletedFile{}, false
}

func (j *journal) creates(name string) bool {
	return slices.ContainsFunc(j.created, func(c createdFile) bool { return c.name == name })
}
