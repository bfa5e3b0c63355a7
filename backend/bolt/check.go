package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/leasehold/leasehold/backend"
)

// check makes sure that nothing in the locked file f makes bbolt panic, fault, go on
// for ever, or ask for more memory than there is.
func (s *Store) check(f *os.File) error {
	c, err := inspect(f)
	if err == nil {
		err = c.strange
	}
	if err == nil && !c.faults.none() {
		err = c.faults.list[0]
	}
	if err != nil {
		return s.fail(err)
	}
	return nil
}

// An inspection is what there is to say against the pages of a file.
type inspection struct {
	strange error    // the file is no lease store, or not of this version
	faults  findings // bbolt must not see the file
	missing findings // meta pages, which bbolt does without
}

func inspect(f *os.File) (*inspection, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	c := &inspection{}
	i, slots := openImage(f, info.Size())
	c.addMetas(slots)
	id, ok := latest(slots)
	if !ok {
		c.faults = c.missing
		return c, nil
	}
	m := slots[id].meta
	if err := i.holds(m); err != nil {
		c.report(metaFault(id, err))
		return c, nil
	}
	if err := succession(slots); err != nil {
		c.report(metaFault(id, err))
	}
	c.walk(i, m)
	return c, nil
}

func (c *inspection) addMetas(slots [2]slot) {
	for id, s := range slots {
		if s.err != nil {
			c.missing.add(damage(metaFault(id, s.err)))
		}
		if s.wrong != nil {
			c.report(metaFault(id, s.wrong))
		}
	}
}

func (c *inspection) report(f fault) { c.faults.add(damage(f)) }

func damage(f fault) error { return fmt.Errorf("%w: %w", backend.ErrDamaged, f) }

// walk looks at all pages that m leads to.
func (c *inspection) walk(i image, m meta) {
	w := &walker{image: i, end: m.end, seen: newBitmap(m.end), report: c.report}
	var err error
	if w.free, err = i.freePages(m, w.seen); err != nil {
		c.report(fault{page: m.freelist, part: "list of free pages", err: err})
	}
	buckets, others := w.root(m.root)
	if len(buckets) == 0 && c.faults.none() {
		// Not even the first transaction of a store is there, or there was none.
		if c.faults = c.missing; c.faults.none() {
			c.strange = fmt.Errorf("%w: it has no bucket %q", backend.ErrFormat, metaBucket)
		}
		return
	}
	if others > 0 {
		c.report(fault{page: m.root, part: "root", err: fmt.Errorf("%d entries do not belong there", others)})
	}
	for _, name := range bucketNames() {
		if e, ok := buckets[name]; ok {
			w.bucket(name, e, func(_ uint64, list []element) { c.version(name, list) })
		}
	}
	if w.free != nil && c.faults.none() {
		c.account(w)
	}
}

// version looks for the version of the format. What is wrong with pages of another one
// is not for us to say.
func (c *inspection) version(bucket string, list []element) {
	if bucket != string(metaBucket) {
		return
	}
	for _, e := range list {
		if _, known := parseFormat(e.value); bytes.Equal(e.key, formatKey) && !known {
			c.strange = unknownVersion(e.value)
		}
	}
}

func unknownVersion(v []byte) error {
	return fmt.Errorf("%w: version %d; this program knows versions 1 to %d", backend.ErrFormat, v, format)
}

// account makes sure that each page is in use or free: the others once led to something.
func (c *inspection) account(w *walker) {
	for id := uint64(firstPage); id < w.end; id++ {
		if !w.seen.has(id) && !w.free.has(id) {
			c.report(fault{page: id, part: "lost page", err: errors.New("it is neither in use nor free")})
		}
	}
}

// A fault is what is wrong with a page, or with something on it.
type fault struct {
	page     uint64
	part     string // of the file: a bucket, or what else the page belongs to
	from, to []byte // keys: those that belong there begin with from, and end before to; nil: not known
	err      error
}

func metaFault(id int, err error) fault { return fault{page: uint64(id), part: "meta", err: err} }

func (f fault) Error() string {
	return fmt.Sprintf("page %d, %s%s: %v", f.page, f.part, between(f.from, f.to), f.err)
}

func (f fault) Unwrap() error { return f.err }

// between says which addresses lie between two keys, if they are some.
func between(from, to []byte) (text string) {
	if a, err := keyAddr(from); err == nil {
		text += fmt.Sprintf(" from %s", a)
	}
	if a, err := keyAddr(to); err == nil {
		text += fmt.Sprintf(" to before %s", a)
	}
	return text
}

// maxFindings is how many findings are told one by one: one page can be the cause of
// a million.
const maxFindings = 100

// Findings are the first of what has been found, and the number of the others.
type findings struct {
	list []error
	more int
}

func (f *findings) add(err error) {
	if len(f.list) == maxFindings {
		f.more++
		return
	}
	f.list = append(f.list, err)
}

func (f *findings) join(others findings) {
	for _, err := range others.list {
		f.add(err)
	}
	f.more += others.more
}

func (f findings) none() bool { return len(f.list) == 0 }

// all returns the findings, and a last one that stands for those that are not told.
func (f findings) all() []error {
	if f.more == 0 {
		return f.list
	}
	return append(f.list[:len(f.list):len(f.list)], fmt.Errorf("%w: and %d more", backend.ErrDamaged, f.more))
}
