package main

import (
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/leasehold/leasehold/internal/config"
)

// isStray reports whether what stands in the place of a bolt store never was one: not one
// of its pages says that it is one of bbolt's. A file that is empty, or all zeros, can
// be what a power cut has left of a store.
func (n network) isStray() bool {
	kind, err := n.kind()
	if err != nil || kind != config.Bolt {
		return false
	}
	f, err := os.Open(n.path)
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
	const smallest = 4096 // All sizes of pages are a power of two times this.
	written := false
	for at := int64(0); ; at += smallest {
		head := make([]byte, 16)
		n, err := r.ReadAt(head, at)
		switch {
		case n == 0 && errors.Is(err, io.EOF):
			return written
		case err != nil && !errors.Is(err, io.EOF), isPageHead(head, at):
			return false
		}
		written = written || [16]byte(head) != [16]byte{}
	}
}

// isPageHead reports whether this is how a page begins, as bbolt has it: its number, and
// which kind it is of.
func isPageHead(head []byte, at int64) bool {
	id, kind := binary.NativeEndian.Uint64(head), binary.NativeEndian.Uint16(head[8:])
	const branch, leaf, meta, freelist = 0x01, 0x02, 0x04, 0x10
	switch kind {
	case branch, leaf, meta, freelist:
		return fits(id, at)
	}
	return false
}

// fits reports whether the page of that number stands there in a file of some size of pages.
func fits(id uint64, at int64) bool {
	if id == 0 || at == 0 {
		return id == 0 && at == 0
	}
	size := uint64(at) / id
	return size*id == uint64(at) && size >= 4096 && size <= 1<<16
}
