package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
)

// Here and in walk.go bbolt's file format is read without bbolt, which takes for granted
// that what it reads is right. Numbers are in the byte order of the machine, as bbolt
// has them.
//
// A file is pages of one size. Pages 0 and 1 are meta pages, of which the one of the
// later transaction counts. It leads to the list of free pages, and to the root: a
// tree of pages whose leaves name the buckets. A bucket is another tree or, while it
// is small, one page inside its entry. A page can go on in those behind it.

// Kinds of pages.
const (
	branchKind   = 0x01
	leafKind     = 0x02
	metaKind     = 0x04
	freelistKind = 0x10
)

const (
	headerLen  = 16          // of a page
	elementLen = 16          // of each of the elements behind the header, without key and value
	metaLen    = 64          // of the meta behind the header
	metaSummed = metaLen - 8 // of what the checksum of the meta is about
	bucketLen  = 16          // of the entry of a bucket, without a page inside
	pageIDLen  = 8

	metaMagic   = 0xED0CDAED
	metaVersion = 2

	firstPage  = 2          // behind the meta pages
	noFreelist = ^uint64(0) // in the place of the list of free pages, if none was written
	longList   = 0xFFFF     // in the place of its length, if that stands before the first of it
	bucketFlag = 1          // of an element that is a bucket

	minPageSize = 1 << 10  // the least that bbolt looks for
	maxPageSize = 64 << 10 // the most that a machine has
	maxRun      = 4 * maxPageSize
)

// bbolt leaves up to four elements on a page that they do not fit into: maxRun is more
// than that takes.
var _ [maxRun - headerLen - 4*(elementLen+1+16+maxRecord) - maxPageSize]struct{}

// A header is what a page begins with.
type header struct {
	id       uint64
	kind     uint16
	count    uint16 // of elements
	overflow uint32 // how many of the pages behind it belong to it
}

func parseHeader(b []byte) header {
	return header{
		id:       binary.NativeEndian.Uint64(b),
		kind:     binary.NativeEndian.Uint16(b[8:]),
		count:    binary.NativeEndian.Uint16(b[10:]),
		overflow: binary.NativeEndian.Uint32(b[12:]),
	}
}

// A meta is where a transaction has left things.
type meta struct {
	pageSize uint32
	root     uint64
	freelist uint64
	end      uint64 // the first of the pages that have never been used
	txid     uint64
}

// parseMeta returns the meta of the page that b is.
func parseMeta(b []byte) (meta, error) {
	if len(b) < headerLen+metaLen {
		return meta{}, errors.New("it is cut off")
	}
	b = b[headerLen:]
	sum := fnv.New64a()
	sum.Write(b[:metaSummed]) // a hash never fails
	if binary.NativeEndian.Uint32(b) != metaMagic || binary.NativeEndian.Uint32(b[4:]) != metaVersion {
		return meta{}, errors.New("it is none of bbolt's, version 2")
	}
	if binary.NativeEndian.Uint64(b[metaSummed:]) != sum.Sum64() {
		return meta{}, errors.New("it has a wrong checksum")
	}
	return meta{
		pageSize: binary.NativeEndian.Uint32(b[8:]),
		root:     binary.NativeEndian.Uint64(b[16:]),
		freelist: binary.NativeEndian.Uint64(b[32:]),
		end:      binary.NativeEndian.Uint64(b[40:]),
		txid:     binary.NativeEndian.Uint64(b[48:]),
	}, nil
}

// An element of a leaf is a key and its value; one of a branch is a page and the
// first key that is found there.
type element struct {
	key, value []byte
	bucket     bool
	child      uint64
}

// elements appends the elements of a page to list. Keys and values are parts of page.
func elements(list []element, h header, page []byte) ([]element, error) {
	err := eachElement(h, page, func(_ int, e element) error {
		list = append(list, e)
		return nil
	})
	return list, err
}

// eachElement calls fn with each element of a page, and the number of it.
func eachElement(h header, page []byte, fn func(i int, e element) error) error {
	at := headerLen + elementLen*int(h.count) // where the next key belongs
	if at > len(page) {
		return fmt.Errorf("there is no room for its %d elements", h.count)
	}
	var last []byte
	for i := range int(h.count) {
		begin := headerLen + elementLen*i
		e, size, err := parseElement(h.kind, page, begin, at)
		if err != nil {
			return fmt.Errorf("element %d %w", i, err)
		}
		if last != nil && bytes.Compare(last, e.key) >= 0 {
			return fmt.Errorf("element %d is out of order", i)
		}
		if err := fn(i, e); err != nil {
			return err
		}
		at += size
		last = e.key
	}
	return nil
}

// tidy reports whether a leaf is in order and holds no bucket: what eachElement would find
// out as well, but takes four times as long for.
func tidy(h header, page []byte) bool {
	at := headerLen + elementLen*int(h.count)
	if h.kind != leafKind || at > len(page) {
		return false
	}
	var last []byte
	for begin := headerLen; begin < headerLen+elementLen*int(h.count); begin += elementLen {
		b := page[begin:][:elementLen]
		keyLen, valueLen := binary.NativeEndian.Uint32(b[8:]), binary.NativeEndian.Uint32(b[12:])
		if binary.NativeEndian.Uint32(b) != 0 || uint64(binary.NativeEndian.Uint32(b[4:])) != uint64(at-begin) ||
			keyLen == 0 || uint64(keyLen)+uint64(valueLen) > uint64(len(page)-at) {
			return false
		}
		key := page[at:][:keyLen]
		if bytes.Compare(last, key) >= 0 {
			return false
		}
		last = key
		at += int(keyLen) + int(valueLen)
	}
	return true
}

// ends returns the first and the last key of a page, as far as these can be found without
// those between them.
func ends(h header, page []byte) (first, last []byte, err error) {
	if h.count == 0 {
		return nil, nil, nil
	}
	data := headerLen + elementLen*int(h.count)
	if data > len(page) {
		return nil, nil, fmt.Errorf("there is no room for its %d elements", h.count)
	}
	e, _, err := parseElement(h.kind, page, headerLen, data)
	if err != nil {
		return nil, nil, fmt.Errorf("element 0 %w", err)
	}
	first = e.key
	begin := data - elementLen
	pos := binary.NativeEndian.Uint32(page[begin+positionAt(h.kind):])
	e, _, err = parseElement(h.kind, page, begin, begin+int(min(pos, uint32(len(page)-begin))))
	if err != nil {
		return nil, nil, fmt.Errorf("element %d %w", h.count-1, err)
	}
	return first, e.key, nil
}

// positionAt returns where in an element its position stands.
func positionAt(kind uint16) int {
	if kind == branchKind {
		return 0
	}
	return 4
}

// parseElement returns the element that begins in a page at begin, and the size of
// its key and its value. They begin at data: bbolt leaves no gaps.
func parseElement(kind uint16, page []byte, begin, data int) (e element, size int, err error) {
	b := page[begin:]
	var flags, valueLen uint32
	if kind == branchKind {
		e.child = binary.NativeEndian.Uint64(b[8:])
	} else {
		flags, b = binary.NativeEndian.Uint32(b), b[4:]
		valueLen = binary.NativeEndian.Uint32(b[8:])
	}
	pos, keyLen := binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint32(b[4:])
	switch {
	case flags&^bucketFlag != 0:
		return e, 0, errors.New("is of no known kind")
	case uint64(pos) != uint64(data-begin):
		return e, 0, errors.New("is not behind the one before")
	case keyLen == 0:
		return e, 0, errors.New("has no key")
	case uint64(keyLen)+uint64(valueLen) > uint64(len(page)-data):
		return e, 0, errors.New("goes beyond the end")
	}
	size = int(keyLen) + int(valueLen)
	e.bucket = flags == bucketFlag
	e.key, e.value = page[data:][:keyLen:keyLen], page[data:][keyLen:size:size]
	return e, size, nil
}
