package bolt

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// searchWindow is how much of a file is searched at a time.
const searchWindow = 1 << 20

// longestLease is more than the key and the record of a lease take.
const longestLease = 1 + 16 + maxRecord

// A searcher looks for leases at every byte of a file, whatever that byte is part of:
// bbolt puts a record right behind its key, and a record says where it ends and has
// a checksum. So neither the page nor the element need be readable.
type searcher struct {
	io.ReaderAt
	size       int64
	found      func(at int64, l backend.Lease, boot uint64)
	unreadable func(from, to int64, err error)
}

func (s searcher) search() {
	b := make([]byte, searchWindow+longestLease)
	for at := int64(0); at < s.size; at += searchWindow {
		b = b[:min(int64(cap(b)), s.size-at)]
		s.read(b, at)
		for i := range min(searchWindow, len(b)) {
			if b[i] != 4 && b[i] != 6 {
				continue // No key begins here, as mostly.
			}
			if l, boot, ok := leaseAt(b[i:]); ok {
				s.found(at+int64(i), l, boot)
			}
		}
	}
}

// read reads what begins at the given offset, and zeros for what cannot be read: a
// disk fails by sectors.
func (s searcher) read(b []byte, at int64) {
	const sector = 4096
	if n, err := s.ReadAt(b, at); n == len(b) || err == nil {
		return
	}
	for i := 0; i < len(b); i += sector {
		part := b[i:min(i+sector, len(b))]
		n, err := s.ReadAt(part, at+int64(i))
		if n == len(part) {
			continue
		}
		clear(part[n:])
		if i < searchWindow { // The next window begins with the rest.
			s.unreadable(at+int64(i+n), at+int64(i+len(part)), err)
		}
	}
}

// leaseAt returns the lease whose key and record b begins with, and the number of its
// boot.
func leaseAt(b []byte) (l backend.Lease, boot uint64, ok bool) {
	addr, record, ok := cutKey(b)
	if !ok {
		return l, 0, false
	}
	whole, fine := recordLens(record)
	for _, size := range [...]int{whole, fine} {
		if size == 0 {
			break
		}
		l, boot, err := decode(addr, record[:size])
		if err == nil && l.Validate() == nil {
			return l, boot, true
		}
	}
	return backend.Lease{}, 0, false
}

// cutKey cuts a key of leases from the beginning of b.
func cutKey(b []byte) (addr netip.Addr, after []byte, ok bool) {
	size := 1 + 4
	switch {
	case b[0] == 6:
		size = 1 + 16
	case b[0] != 4:
		return addr, nil, false
	}
	if len(b) < size {
		return addr, nil, false
	}
	addr, err := keyAddr(b[:size])
	return addr, b[size:min(len(b), size+maxRecord)], err == nil
}

// recordLens returns how long the record is that b begins with, by what its fields say:
// if its time is one of whole seconds, and if it has nanoseconds, which only its checksum
// tells apart. It is 0 for what cannot be a record. It is quick to say so, because mostly b
// begins with anything else.
func recordLens(b []byte) (whole, fine int) {
	r := reader(b)
	r.varint()
	r.uvarint()
	for range texts(&backend.Lease{}) {
		r.passText()
	}
	if len(r) < checksumLen {
		return 0, 0
	}
	whole = len(b) - len(r) + checksumLen
	if r.nanoseconds(); len(r) < checksumLen {
		return whole, 0
	}
	return whole, len(b) - len(r) + checksumLen
}

// passText goes on behind a text that a lease can have.
func (r *reader) passText() {
	header, n := binary.Uvarint(*r)
	if r.pass(n); *r == nil {
		return
	}
	size, form := header>>2, header&3
	if size > backend.MaxNameLen || size > uint64(len(*r)) {
		*r = nil
		return
	}
	raw := (*r)[:size]
	*r = (*r)[size:]
	if form == plain && bytes.ContainsFunc(raw, func(c rune) bool { return c < ' ' }) {
		*r = nil
	}
}
