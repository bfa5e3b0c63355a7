package bolt

import (
	"errors"
	"io"
	"os"
)

// IsStray reports whether the file at path never was a store: something is written in it,
// and not one of its pages says that it is one of bbolt's. A file that is empty, or all
// zeros, can be what a power cut has left of a store. So can one that cannot be read.
func IsStray(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close() // It was only read.
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular() && noPages(f)
}

// noPages reports whether something is written in r, and none of it where bbolt has the
// heads of its pages.
func noPages(r io.ReaderAt) bool {
	written := false
	for at := int64(0); ; at += minPageSize {
		head := make([]byte, headerLen)
		n, err := r.ReadAt(head, at)
		switch {
		case n == 0 && errors.Is(err, io.EOF):
			return written
		case err != nil && !errors.Is(err, io.EOF), isHead(parseHeader(head), at):
			return false
		}
		written = written || [headerLen]byte(head) != [headerLen]byte{}
	}
}

// isHead reports whether a page can begin so at an offset of the file.
func isHead(h header, at int64) bool {
	switch h.kind {
	case branchKind, leafKind, metaKind, freelistKind:
		return standsAt(h.id, uint64(at))
	}
	return false
}

// standsAt reports whether the page of that number is there, whatever the size of pages.
func standsAt(id, at uint64) bool {
	if id == 0 || at == 0 {
		return id == at
	}
	size := at / id
	return size*id == at && size >= minPageSize && size <= maxPageSize
}
