package format

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// MaxEntry is more bytes than the key and the record of a lease have.
const MaxEntry = maxAddrKey + MaxRecord

// DecodePrefix returns the lease whose key and record b begins with, if it does, and the
// number of its boot. It is for a search of a file at every byte: bbolt stores a value
// right after its key, and a record says how long it is and has a checksum.
func DecodePrefix(b []byte) (l backend.Lease, boot uint64, ok bool) {
	addr, record, ok := cutAddr(b)
	if !ok {
		return l, 0, false
	}
	whole, fine := recordLens(record)
	for _, size := range [...]int{whole, fine} {
		if size == 0 {
			break
		}
		l, boot, err := Decode(addr, record[:size])
		if err == nil && l.Validate() == nil {
			return l, boot, true
		}
	}
	return backend.Lease{}, 0, false
}

// cutAddr cuts the key of an address from the start of b.
func cutAddr(b []byte) (addr netip.Addr, after []byte, ok bool) {
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
	addr, err := ParseAddr(b[:size])
	return addr, b[size:min(len(b), size+MaxRecord)], err == nil
}

// recordLens returns the two lengths that the record at the start of b can have by its
// fields: without nanoseconds and with them, which only the checksum tells apart. A length
// is 0 if there is no such record, which this finds out without decoding, because most
// bytes of a file are not the start of a record.
func recordLens(b []byte) (whole, fine int) {
	r := reader(b)
	r.varint()
	r.uvarint()
	for range texts(&backend.Lease{}) {
		r.skipText()
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

// skipText skips a text that a lease can have.
func (r *reader) skipText() {
	header, n := binary.Uvarint(*r)
	if r.skip(n); *r == nil {
		return
	}
	size, form := header>>2, header&3
	if size > backend.MaxNameLen || size > uint64(len(*r)) {
		*r = nil
		return
	}
	raw := (*r)[:size]
	*r = (*r)[size:]
	if form == formPlain && bytes.ContainsFunc(raw, func(c rune) bool { return c < ' ' }) {
		*r = nil
	}
}
