package page

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
)

// Kinds of pages, as a [Header] has them.
const (
	BranchKind   = 0x01
	LeafKind     = 0x02
	MetaKind     = 0x04
	FreelistKind = 0x10
)

// Sizes in bytes.
const (
	HeaderLen  = 16          // of the header of a page
	ElementLen = 16          // of each element after the header, without key and value
	MetaLen    = 64          // of the meta after the header
	MetaSummed = MetaLen - 8 // of the part of the meta that its checksum covers
	EntryLen   = 16          // of the entry of a bucket, without an inline page
	IDLen      = 8           // of an entry of the freelist

	MinSize = 1 << 10  // the smallest page size that bbolt looks for
	MaxSize = 64 << 10 // the largest page size of a machine

	// MaxLen is the longest page accepted, overflow pages included. bbolt leaves up to four
	// elements on a page that they do not fit into, so keys and values have to be so short
	// that four of them, and a page, do not exceed MaxLen.
	MaxLen = 4 * MaxSize
)

const (
	First      = 2          // the first page after the meta pages
	NoFreelist = ^uint64(0) // as the page of the freelist: none was written
	LongList   = 0xFFFF     // as the count of a freelist: the count is its first entry

	bucketFlag  = 1 // of an element that is a bucket
	metaMagic   = 0xED0CDAED
	metaVersion = 2
)

// A Header is the start of a page.
type Header struct {
	ID       uint64
	Kind     uint16
	Count    uint16 // of elements
	Overflow uint32 // how many pages after it belong to it
}

// ParseHeader returns the header of a page.
func ParseHeader(b []byte) Header {
	return Header{
		ID:       binary.NativeEndian.Uint64(b),
		Kind:     binary.NativeEndian.Uint16(b[8:]),
		Count:    binary.NativeEndian.Uint16(b[10:]),
		Overflow: binary.NativeEndian.Uint32(b[12:]),
	}
}

// check returns an error unless h is the header of page id, of one of the kinds.
func (h Header) check(id uint64, kinds ...uint16) error {
	if h.ID != id {
		return fmt.Errorf("page header has page number %d", h.ID)
	}
	if !slices.Contains(kinds, h.Kind) {
		return fmt.Errorf("page header has kind %#x", h.Kind)
	}
	return nil
}

// dataStart returns the offset in a page at which the keys and values begin.
func (h Header) dataStart() int { return HeaderLen + ElementLen*int(h.Count) }

// A Meta is the state that a transaction has left.
type Meta struct {
	PageSize uint32
	Root     uint64
	Freelist uint64
	End      uint64 // the first page that was never used
	TxID     uint64
}

// parseMeta returns the meta of a meta page.
func parseMeta(b []byte) (Meta, error) {
	if len(b) < HeaderLen+MetaLen {
		return Meta{}, errTruncated(nil)
	}
	b = b[HeaderLen:]
	sum := fnv.New64a()
	sum.Write(b[:MetaSummed]) // a hash never fails
	if binary.NativeEndian.Uint32(b) != metaMagic || binary.NativeEndian.Uint32(b[4:]) != metaVersion {
		return Meta{}, errors.New("not a bbolt v2 meta page")
	}
	if binary.NativeEndian.Uint64(b[MetaSummed:]) != sum.Sum64() {
		return Meta{}, errors.New("meta page has a wrong checksum")
	}
	return Meta{
		PageSize: binary.NativeEndian.Uint32(b[8:]),
		Root:     binary.NativeEndian.Uint64(b[16:]),
		Freelist: binary.NativeEndian.Uint64(b[32:]),
		End:      binary.NativeEndian.Uint64(b[40:]),
		TxID:     binary.NativeEndian.Uint64(b[48:]),
	}, nil
}

// An Element of a leaf is a key and its value. An element of a branch is a page, and the
// first key on it.
type Element struct {
	Key, Value []byte
	Bucket     bool
	Child      uint64
}

// AppendElements appends the elements of a page to list. Keys and values are parts of b.
func AppendElements(list []Element, h Header, b []byte) ([]Element, error) {
	err := EachElement(h, b, func(_ int, e Element) error {
		list = append(list, e)
		return nil
	})
	return list, err
}

// EachElement calls fn with the index of each element of a page, and the element, once it
// is known to be sound and in order.
func EachElement(h Header, b []byte, fn func(i int, e Element) error) error {
	at := h.dataStart()
	if at > len(b) {
		return fmt.Errorf("%d elements do not fit on the page", h.Count)
	}
	var last []byte
	for i := range int(h.Count) {
		e, size, err := parseElement(h.Kind, b, i, at)
		if err != nil {
			return err
		}
		if last != nil && bytes.Compare(last, e.Key) >= 0 {
			return fmt.Errorf("element %d is out of order", i)
		}
		if err := fn(i, e); err != nil {
			return err
		}
		at += size
		last = e.Key
	}
	return nil
}

// parseElement returns element i of a page, and the size of its key and value, which begin
// at offset data: bbolt leaves no gaps.
func parseElement(kind uint16, page []byte, i, data int) (e Element, size int, err error) {
	begin := HeaderLen + ElementLen*i
	b := page[begin:]
	var flags, valueLen uint32
	if kind == BranchKind {
		e.Child = binary.NativeEndian.Uint64(b[8:])
	} else {
		flags, b = binary.NativeEndian.Uint32(b), b[4:]
		valueLen = binary.NativeEndian.Uint32(b[8:])
	}
	pos, keyLen := binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint32(b[4:])
	switch {
	case flags&^bucketFlag != 0:
		return e, 0, fmt.Errorf("element %d has unknown flags %#x", i, flags)
	case uint64(pos) != uint64(data-begin):
		return e, 0, fmt.Errorf("element %d has its key at offset %d, want %d", i, pos, data-begin)
	case keyLen == 0:
		return e, 0, fmt.Errorf("element %d has an empty key", i)
	case uint64(keyLen)+uint64(valueLen) > uint64(len(page)-data):
		return e, 0, fmt.Errorf("element %d extends beyond the page", i)
	}
	size = int(keyLen) + int(valueLen)
	e.Bucket = flags == bucketFlag
	e.Key, e.Value = page[data:][:keyLen:keyLen], page[data:][keyLen:size:size]
	return e, size, nil
}

// plainLeaf reports whether a page is a leaf that is in order and holds no bucket, and
// returns its first and last key. It finds out nothing that EachElement would not, but takes
// a quarter of the time.
func plainLeaf(h Header, b []byte) (first, last []byte, ok bool) {
	at := h.dataStart()
	if h.Kind != LeafKind || at > len(b) {
		return nil, nil, false
	}
	for begin := HeaderLen; begin < h.dataStart(); begin += ElementLen {
		e := b[begin:][:ElementLen]
		keyLen, valueLen := binary.NativeEndian.Uint32(e[8:]), binary.NativeEndian.Uint32(e[12:])
		if binary.NativeEndian.Uint32(e) != 0 || uint64(binary.NativeEndian.Uint32(e[4:])) != uint64(at-begin) ||
			keyLen == 0 || uint64(keyLen)+uint64(valueLen) > uint64(len(b)-at) {
			return nil, nil, false
		}
		key := b[at:][:keyLen]
		if bytes.Compare(last, key) >= 0 {
			return nil, nil, false
		}
		if first == nil {
			first = key
		}
		last = key
		at += int(keyLen) + int(valueLen)
	}
	return first, last, true
}

// errTruncated returns the error for a file that ends in a page, of which an attempt to read
// it failed with err.
func errTruncated(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("page is truncated")
	}
	return err
}
