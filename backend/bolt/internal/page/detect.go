package page

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// HasOther reports whether r has content, but neither a header of a page at any place where bbolt
// has one, nor a meta page anywhere, as a file has that has lost its beginning. A file that is empty or all
// zeros can be what a power cut has left of a bbolt file. So can one that cannot be read.
func HasOther(r io.ReaderAt) bool {
	return hasNoHeader(r) && !hasMetaAnywhere(r)
}

func hasMetaAnywhere(r io.ReaderAt) bool {
	start := binary.NativeEndian.AppendUint32(nil, metaMagic)
	start = binary.NativeEndian.AppendUint32(start, metaVersion)
	b := make([]byte, 64<<10)
	for at := int64(0); ; at += int64(len(b) - len(start)) {
		n, err := r.ReadAt(b, at)
		if bytes.Contains(b[:n], start) {
			return true
		}
		if err != nil {
			return false
		}
	}
}

func hasNoHeader(r io.ReaderAt) bool {
	written := false
	for at := int64(0); ; at += MinSize {
		b := make([]byte, HeaderLen)
		n, err := r.ReadAt(b, at)
		switch {
		case n == 0 && errors.Is(err, io.EOF):
			return written
		case err != nil && !errors.Is(err, io.EOF), isHeaderAt(ParseHeader(b), at):
			return false
		}
		written = written || [HeaderLen]byte(b) != [HeaderLen]byte{}
	}
}

// isHeaderAt reports whether h can be the header of a page at an offset of a file.
func isHeaderAt(h Header, at int64) bool {
	switch h.Kind {
	case BranchKind, LeafKind, MetaKind, FreelistKind:
		return isOffsetOf(h.ID, uint64(at))
	}
	return false
}

// isOffsetOf reports whether page id begins at an offset for some page size.
func isOffsetOf(id, at uint64) bool {
	if id == 0 || at == 0 {
		return id == at
	}
	size := at / id
	return size*id == at && size >= MinSize && size <= MaxSize
}
