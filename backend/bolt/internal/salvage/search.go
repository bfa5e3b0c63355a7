package salvage

import (
	"io"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
)

// searchWindow is how many bytes of a file are searched at a time.
const searchWindow = 1 << 20

// A searcher looks for leases at every byte of a file, so neither the page nor the element
// around a lease need be readable.
type searcher struct {
	io.ReaderAt
	size       int64
	found      func(at int64, l backend.Lease, boot uint64)
	unreadable func(from, to int64, err error)
}

func (s searcher) search() {
	b := make([]byte, searchWindow+format.MaxEntry)
	for at := int64(0); at < s.size; at += searchWindow {
		b = b[:min(int64(cap(b)), s.size-at)]
		s.read(b, at)
		for i := range min(searchWindow, len(b)) {
			if b[i] != 4 && b[i] != 6 {
				continue // No key begins here. Nearly every byte ends up here.
			}
			if l, boot, ok := format.DecodePrefix(b[i:]); ok {
				s.found(at+int64(i), l, boot)
			}
		}
	}
}

// read fills b from the given offset, with zeros for what cannot be read: a disk fails by
// sectors.
func (s searcher) read(b []byte, at int64) {
	const sector = 4096
	if n, err := s.ReadAt(b, at); n == len(b) || err == nil {
		return
	}
	for i := 0; i < len(b); i += sector {
		chunk := b[i:min(i+sector, len(b))]
		n, err := s.ReadAt(chunk, at+int64(i))
		if n == len(chunk) {
			continue
		}
		clear(chunk[n:])
		if i < searchWindow { // The next window begins with the rest, and reports it.
			s.unreadable(at+int64(i+n), at+int64(i+len(chunk)), err)
		}
	}
}
