package page

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// A File is a bbolt file that is read page by page.
type File struct {
	io.ReaderAt
	Size     int64 // in bytes
	PageSize int64
}

// A MetaPage is one of the two meta pages.
type MetaPage struct {
	Meta
	Err   error // why bbolt does not use it
	Wrong error // what is wrong with it though bbolt would use it
	Seal  Seal

	unread error // why it could not be read, though the file is long enough
}

// MetaPages are pages 0 and 1.
type MetaPages [2]MetaPage

// Open reads the meta pages of a file. It looks for the page size where bbolt does, which
// matters if the first meta page is lost.
func Open(r io.ReaderAt, size int64) (File, MetaPages) {
	f := File{r, size, MinSize}
	first := f.metaPage(0, 0)
	at := int64(MinSize)
	for ; first.Err != nil && at <= MinSize<<14 && at < size-MinSize; at <<= 1 {
		if second := f.metaPage(1, at); second.Err == nil {
			f.PageSize = int64(second.PageSize)
			return f, MetaPages{first, f.metaPage(1, f.PageSize)}
		}
	}
	if first.Err == nil {
		f.PageSize = int64(first.PageSize)
	}
	return f, MetaPages{first, f.metaPage(1, f.PageSize)}
}

// metaPage reads meta page id, which begins at pos.
func (f File) metaPage(id uint64, pos int64) (m MetaPage) {
	b := make([]byte, SectorLen)
	n, err := f.ReadAt(b, pos)
	if err != nil && !errors.Is(err, io.EOF) {
		m.unread = err
	}
	if n < HeaderLen+MetaLen {
		m.Err = errTruncated(err)
		return m
	}
	if m.Meta, m.Err = parseMeta(b); m.Err == nil {
		m.Wrong = ParseHeader(b).check(id, MetaKind)
		m.Seal = parseSeal(b)
	}
	return m
}

// Unread returns the error of the disk with which the page was read, or nil.
func (m MetaPage) Unread() error { return m.unread }

// Unread returns the first error of the disk, or nil if both pages could be read. After an error
// nothing is known of which transaction is the last.
func (m MetaPages) Unread() error { return cmp.Or(m[0].unread, m[1].unread) }

// Latest returns the number of the meta page that counts; ok is false if neither does.
func (m MetaPages) Latest() (id int, ok bool) {
	switch {
	case m[0].Err != nil && m[1].Err != nil:
		return 0, false
	case m[0].Err != nil:
		return 1, true
	case m[1].Err == nil && m[1].TxID > m[0].TxID:
		return 1, true
	}
	return 0, true
}

// CheckSequence returns an error if both meta pages count but cannot be the last two of one
// file. A meta page of another file, or of an earlier transaction, is sound in itself and
// can refer to an outdated tree. Each transaction writes its meta to the page of its parity,
// so the two are consecutive, or equal after a commit was revoked. In a copy by bbolt's
// Tx.WriteTo they are consecutive in either order, and its next transaction may overwrite
// the later of them.
func (m MetaPages) CheckSequence() error {
	a, b := m[0], m[1]
	if a.Err != nil || b.Err != nil {
		return nil
	}
	older := min(a.TxID, b.TxID)
	copied := a.TxID%2 == 1 && a.TxID == older || b.TxID%2 == 0 && b.TxID == older
	switch gap := max(a.TxID, b.TxID) - older; {
	case gap == 0 && a.Meta == b.Meta, gap == 1, gap == 2 && copied:
		return nil
	}
	return fmt.Errorf("transactions %d and %d of the meta pages are not consecutive", a.TxID, b.TxID)
}

// CheckMeta returns an error unless m can be a meta of the file, or of the file before it was
// truncated.
func (f File) CheckMeta(m Meta) error {
	inRange := func(id uint64) bool { return id >= First && id < m.End }
	switch n := m.PageSize; {
	case n < MinSize, n > MaxSize, n&(n-1) != 0:
		return fmt.Errorf("page size is %d, want a power of 2 from %d to %d", n, MinSize, MaxSize)
	case int64(n) != f.PageSize:
		return fmt.Errorf("page size is %d, want %d", n, f.PageSize)
	case !inRange(m.Root):
		return fmt.Errorf("root page %d is out of range: the file has %d pages", m.Root, m.End)
	case m.Freelist != NoFreelist && !inRange(m.Freelist):
		return fmt.Errorf("freelist page %d is out of range: the file has %d pages", m.Freelist, m.End)
	case m.TxID > math.MaxInt64:
		return errors.New("transaction ID overflows")
	}
	return nil
}

// CheckComplete is [File.CheckMeta], and returns an error too if the file was truncated.
func (f File) CheckComplete(m Meta) error {
	if err := f.CheckMeta(m); err != nil {
		return err
	}
	if m.End > f.Pages() {
		return fmt.Errorf("file is truncated: it has %d pages, want %d", f.Pages(), m.End)
	}
	return nil
}

// Pages returns how many whole pages the file has.
func (f File) Pages() uint64 { return uint64(f.Size / f.PageSize) }

// CopyReadable copies the pages of the file that can be read to the same places.
func (f File) CopyReadable(to io.WriterAt) error {
	b := make([]byte, f.PageSize)
	for at := int64(0); at < f.Size; at += f.PageSize {
		n, err := f.ReadAt(b, at)
		if err != nil && !errors.Is(err, io.EOF) {
			continue
		}
		if _, err := to.WriteAt(b[:n], at); err != nil {
			return err
		}
	}
	return nil
}

// OtherMeta returns meta page 1-id, as it would be in the place of id.
func (f File) OtherMeta(id int) ([]byte, error) {
	b := make([]byte, f.PageSize)
	if _, err := f.ReadAt(b, int64(1-id)*f.PageSize); err != nil {
		return nil, err
	}
	sealed := parseSeal(b[:SectorLen]).kind > lostSeal
	binary.NativeEndian.PutUint64(b, uint64(id))
	if sealed {
		binary.NativeEndian.PutUint64(b[SectorLen-sealSumLen:], sectorSum(b))
	}
	return b, nil
}
