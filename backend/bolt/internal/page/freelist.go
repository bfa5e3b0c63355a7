package page

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// FreePages returns the pages that the freelist of m has, and adds the pages of the list
// itself to own. If no freelist was written it returns nil.
func (f File) FreePages(m Meta, own Bitmap) (free Bitmap, err error) {
	if m.Freelist == NoFreelist {
		return nil, nil
	}
	pos := int64(m.Freelist) * f.PageSize
	b := make([]byte, min(f.PageSize, MinSize)) // mostly the whole list
	if _, err := f.ReadAt(b, pos); err != nil {
		return nil, errTruncated(err)
	}
	h := ParseHeader(b)
	if err := h.check(m.Freelist, FreelistKind); err != nil {
		return nil, err
	}
	if uint64(h.Overflow) >= min(m.End, f.Pages())-m.Freelist {
		return nil, errOverflow(h)
	}
	for i := range uint64(h.Overflow) + 1 {
		own.Add(m.Freelist + i)
	}
	at, count := int64(HeaderLen), uint64(h.Count)
	if count == LongList {
		at, count = HeaderLen+IDLen, binary.NativeEndian.Uint64(b[HeaderLen:])
	}
	room := (int64(h.Overflow)+1)*f.PageSize - at
	if count > uint64(room/IDLen) {
		return nil, fmt.Errorf("%d entries do not fit on the page", count)
	}
	free = NewBitmap(min(m.End, f.Pages()))
	var list io.Reader = bufio.NewReader(io.NewSectionReader(f, pos+at, int64(count)*IDLen))
	if end := at + int64(count)*IDLen; end <= int64(len(b)) {
		list = bytes.NewReader(b[at:end])
	}
	if err := readFree(free, list, m.End, own); err != nil {
		return nil, err // No part of a corrupt list is believed.
	}
	return free, nil
}

// readFree adds to free the pages of a list, which have to be ascending, below end, and not
// of the list's own.
func readFree(free Bitmap, list io.Reader, end uint64, own Bitmap) error {
	last := uint64(First - 1)
	for b := make([]byte, IDLen); ; {
		_, err := io.ReadFull(list, b)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errTruncated(err)
		}
		switch id := binary.NativeEndian.Uint64(b); {
		case id < First || id >= end:
			return errRange(id, end)
		case id <= last:
			return fmt.Errorf("page %d is listed after page %d", id, last)
		case own.Has(id):
			return fmt.Errorf("page %d is part of the freelist itself", id)
		default:
			free.Add(id)
			last = id
		}
	}
}

// A Bitmap is a set of pages. A nil Bitmap is empty.
type Bitmap []uint64

// NewBitmap returns an empty set, which can hold pages below n.
func NewBitmap(n uint64) Bitmap { return make(Bitmap, (n+63)/64) }

// Has reports whether the set has page id.
func (b Bitmap) Has(id uint64) bool { return id/64 < uint64(len(b)) && b[id/64]>>(id%64)&1 == 1 }

// Remove removes page id.
func (b Bitmap) Remove(id uint64) {
	if id/64 < uint64(len(b)) {
		b[id/64] &^= 1 << (id % 64)
	}
}

// Add adds page id, unless it is beyond what the set can hold.
func (b Bitmap) Add(id uint64) {
	if id/64 < uint64(len(b)) {
		b[id/64] |= 1 << (id % 64)
	}
}
