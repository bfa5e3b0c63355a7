package bolt

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// An image is a bbolt file that is read page by page.
type image struct {
	io.ReaderAt
	size     int64 // bytes of the file
	pageSize int64
}

// A slot is one of the two meta pages.
type slot struct {
	meta
	err   error // why it does not count
	wrong error // what is wrong with it though bbolt would use it
}

// openImage reads the meta pages of a file. For the size of pages it looks where
// bbolt does: that makes a difference if the first meta page is lost.
func openImage(r io.ReaderAt, size int64) (image, [2]slot) {
	f := image{r, size, minPageSize}
	first := f.slot(0, 0)
	at := int64(minPageSize)
	for ; first.err != nil && at <= minPageSize<<14 && at < size-minPageSize; at <<= 1 {
		if second := f.slot(1, at); second.err == nil {
			f.pageSize = int64(second.pageSize)
			return f, [2]slot{first, f.slot(1, f.pageSize)}
		}
	}
	if first.err == nil {
		f.pageSize = int64(first.pageSize)
	}
	return f, [2]slot{first, f.slot(1, f.pageSize)}
}

// slot reads meta page id, which begins at pos.
func (f image) slot(id uint64, pos int64) (s slot) {
	b := make([]byte, headerLen+metaLen)
	if _, err := f.ReadAt(b, pos); err != nil {
		s.err = cutOff(err)
		return s
	}
	if s.meta, s.err = parseMeta(b); s.err != nil {
		return s
	}
	if h := parseHeader(b); h.id != id {
		s.wrong = fmt.Errorf("it says that it is page %d", h.id)
	} else if h.kind != metaKind {
		s.wrong = fmt.Errorf("it says that it is of kind %#x", h.kind)
	}
	return s
}

// succession returns an error if both meta pages count, but cannot be the last two of one
// file: a meta page of another store, or of an earlier transaction, is sound in itself, and
// can lead to a tree that is out of date. Each transaction writes its meta to the page of
// its parity, so the two follow one another, or are equal after a commit was revoked. In a
// copy by bbolt's Tx.WriteTo they follow one another in either order, and its next
// transaction may write over the later of them.
func succession(slots [2]slot) error {
	a, b := slots[0], slots[1]
	if a.err != nil || b.err != nil {
		return nil
	}
	older := min(a.txid, b.txid)
	copied := a.txid%2 == 1 && a.txid == older || b.txid%2 == 0 && b.txid == older
	switch gap := max(a.txid, b.txid) - older; {
	case gap == 0 && a.meta == b.meta, gap == 1, gap == 2 && copied:
		return nil
	}
	return fmt.Errorf("the transactions of the meta pages, %d and %d, do not follow one another", a.txid, b.txid)
}

// latest returns the number of the meta page that counts; ok is false if neither does.
func latest(slots [2]slot) (id int, ok bool) {
	switch {
	case slots[0].err != nil && slots[1].err != nil:
		return 0, false
	case slots[0].err != nil:
		return 1, true
	case slots[1].err == nil && slots[1].txid > slots[0].txid:
		return 1, true
	}
	return 0, true
}

// fit returns an error unless m can be a meta of the file, or of one that was longer.
func (f image) fit(m meta) error {
	refers := func(id uint64) bool { return id >= firstPage && id < m.end }
	switch n := m.pageSize; {
	case n < minPageSize, n > maxPageSize, n&(n-1) != 0, int64(n) != f.pageSize:
		return fmt.Errorf("it speaks of pages of %d bytes", n)
	case !refers(m.root):
		return fmt.Errorf("it has its root in page %d of %d", m.root, m.end)
	case m.freelist != noFreelist && !refers(m.freelist):
		return fmt.Errorf("it has its list of free pages in page %d of %d", m.freelist, m.end)
	case m.txid > math.MaxInt64:
		return errors.New("its transaction has no next one")
	}
	return nil
}

// holds returns an error unless m can be a meta of the file as long as it is.
func (f image) holds(m meta) error {
	if err := f.fit(m); err != nil {
		return err
	}
	if m.end > f.pages() {
		return fmt.Errorf("it speaks of %d pages, of which %d are there", m.end, f.pages())
	}
	return nil
}

// pages returns how many whole pages the file has.
func (f image) pages() uint64 { return uint64(f.size / f.pageSize) }

// freePages returns which pages the list of m says are free, and marks in own those
// that it takes itself. If none was written it returns nil.
func (f image) freePages(m meta, own bitmap) (free bitmap, err error) {
	if m.freelist == noFreelist {
		return nil, nil
	}
	pos := int64(m.freelist) * f.pageSize
	b := make([]byte, min(f.pageSize, minPageSize)) // mostly all of the list
	if _, err := f.ReadAt(b, pos); err != nil {
		return nil, cutOff(err)
	}
	h := parseHeader(b)
	if err := h.expect(m.freelist, freelistKind); err != nil {
		return nil, err
	}
	if uint64(h.overflow) >= min(m.end, f.pages())-m.freelist {
		return nil, fmt.Errorf("it goes on for %d pages", h.overflow)
	}
	for i := range uint64(h.overflow) + 1 {
		own.set(m.freelist + i)
	}
	at, count := int64(headerLen), uint64(h.count)
	if count == longList {
		at, count = headerLen+pageIDLen, binary.NativeEndian.Uint64(b[headerLen:])
	}
	room := (int64(h.overflow)+1)*f.pageSize - at
	if count > uint64(room/pageIDLen) {
		return nil, fmt.Errorf("there is no room for its %d entries", count)
	}
	free = newBitmap(min(m.end, f.pages()))
	var list io.Reader = bufio.NewReader(io.NewSectionReader(f, pos+at, int64(count)*pageIDLen))
	if end := at + int64(count)*pageIDLen; end <= int64(len(b)) {
		list = bytes.NewReader(b[at:end])
	}
	if err := readFree(free, list, m.end, own); err != nil {
		return nil, err // It is not believed in part.
	}
	return free, nil
}

// readFree marks in free the pages that a list names: in ascending order, below end, and
// none of its own.
func readFree(free bitmap, list io.Reader, end uint64, own bitmap) error {
	last := uint64(firstPage - 1)
	for b := make([]byte, pageIDLen); ; {
		_, err := io.ReadFull(list, b)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return cutOff(err)
		}
		id := binary.NativeEndian.Uint64(b)
		if id <= last || id >= end || own.has(id) {
			return fmt.Errorf("it names page %d of %d after page %d", id, end, last)
		}
		free.set(id)
		last = id
	}
}

// expect returns an error unless h says that it is page id and of one of the kinds.
func (h header) expect(id uint64, kinds ...uint16) error {
	if h.id != id {
		return fmt.Errorf("it says that it is page %d", h.id)
	}
	for _, kind := range kinds {
		if h.kind == kind {
			return nil
		}
	}
	return fmt.Errorf("it is of kind %#x", h.kind)
}

// cutOff says in other words that a file ends too early.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it is cut off")
	}
	return err
}
