package page

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// bbolt syncs the pages of a transaction before it writes the meta page that makes them count.
// One sync suffices if the meta page says what must be on the disk with it. A seal does: it is in
// the first sector of the meta page, which bbolt leaves unused, and has the numbers of all pages
// that the transaction wrote, and a checksum of their content. bbolt overwrites the seal with
// zeros when it writes the meta page of a later transaction.
//
// Once the transaction is durable, that is written into the other meta page, which has the
// transaction before it, in the place of that one's seal. This receipt need not be synced. It
// saves the next process a sync, and tells damage from a power cut: a power cut during a transaction
// leaves pages that do not match its seal, and no receipt.
//
// A transaction without a seal that follows one with a seal was interrupted.
const (
	// SectorLen is the size in bytes of the part of a meta page that has the meta and the seal. A
	// disk writes it as a whole.
	SectorLen = 512

	sealOffset  = HeaderLen + MetaLen
	sealHeadLen = 24
	sealSumLen  = 8
	maxListLen  = SectorLen - sealOffset - sealHeadLen - sealSumLen
)

// A sealKind is what a seal says.
type sealKind uint32

const (
	noSeal     sealKind = 0
	lostSeal   sealKind = 1           // something is there that was never written
	pagesSeal  sealKind = 0x5EA1_0001 // the pages of the list belong to the transaction
	syncedSeal sealKind = 0x5EA1_0002 // they were synced before the seal was written
	receipt    sealKind = 0x5EA1_0003 // the transaction, of the other meta page, is durable
)

// A Seal is what is in the first sector of a meta page after the meta.
type Seal struct {
	kind  sealKind
	txid  uint64
	sum   uint64   // of the content of the pages
	pages []uint64 // the first of each, in ascending order
}

// parseSeal returns the seal in the first sector of a meta page, which has to be given whole.
func parseSeal(sector []byte) Seal {
	if !slices.ContainsFunc(sector[sealOffset:], func(b byte) bool { return b != 0 }) {
		return Seal{}
	}
	if binary.NativeEndian.Uint64(sector[SectorLen-sealSumLen:]) != sectorSum(sector) {
		return Seal{kind: lostSeal}
	}
	b := sector[sealOffset:]
	s := Seal{
		kind: sealKind(binary.NativeEndian.Uint32(b)),
		txid: binary.NativeEndian.Uint64(b[8:]),
		sum:  binary.NativeEndian.Uint64(b[16:]),
	}
	list, last := b[sealHeadLen:][:maxListLen], uint64(0)
	for range binary.NativeEndian.Uint32(b[4:]) {
		gap, n := binary.Uvarint(list)
		if n <= 0 {
			return Seal{kind: lostSeal}
		}
		list, last = list[n:], last+gap
		s.pages = append(s.pages, last)
	}
	return s
}

func sectorSum(sector []byte) uint64 { return xxhash.Sum64(sector[:SectorLen-sealSumLen]) }

// put writes the seal into the first sector of a meta page. It reports whether the list fits.
func (s Seal) put(sector []byte) bool {
	b := sector[sealOffset:]
	clear(b)
	binary.NativeEndian.PutUint32(b, uint32(s.kind))
	binary.NativeEndian.PutUint32(b[4:], uint32(len(s.pages)))
	binary.NativeEndian.PutUint64(b[8:], s.txid)
	binary.NativeEndian.PutUint64(b[16:], s.sum)
	list, last := b[sealHeadLen:][:0:maxListLen], uint64(0)
	for _, id := range s.pages {
		if list = binary.AppendUvarint(list, id-last); len(list) > maxListLen {
			return false
		}
		last = id
	}
	binary.NativeEndian.PutUint64(sector[SectorLen-sealSumLen:], sectorSum(sector))
	return true
}

// seals reports whether s is the seal of a transaction.
func (s Seal) seals(txid uint64) bool {
	return (s.kind == pagesSeal || s.kind == syncedSeal) && s.txid == txid
}

// acknowledges reports whether s is the receipt of a transaction.
func (s Seal) acknowledges(txid uint64) bool { return s.kind == receipt && s.txid == txid }

// An Outcome is what is known of the last transaction of a file.
type Outcome int

const (
	// Unsealed: no transaction has a seal. bbolt has synced each twice, or a killed process did
	// not come to the second sync.
	Unsealed Outcome = iota

	// Durable: there is a receipt.
	Durable

	// Sealed: all its pages are there. They may not be durable.
	Sealed

	// Interrupted: it has no seal, or not all of its pages are there. It never ended, and the
	// transaction before it counts.
	Interrupted
)

// A SealError says that a transaction that was durable is lost, or may be.
type SealError struct{ reason string }

func (e *SealError) Error() string { return e.reason }

func sealErrorf(format string, args ...any) error {
	return &SealError{fmt.Sprintf(format, args...)}
}

// Outcome returns the outcome of the last transaction. It returns a [SealError] for damage that no
// power cut leaves, and otherwise the error with which a page could not be read.
func (f File) Outcome(m MetaPages) (Outcome, error) {
	if err := m.Unread(); err != nil {
		return Unsealed, err
	}
	id, ok := m.Latest()
	if !ok {
		return Unsealed, nil
	}
	last, other := m[id], m[1-id]
	if last.Seal.kind == receipt && last.Seal.txid > last.TxID {
		return Unsealed, sealErrorf("transaction %d was durable, and its meta page is lost", last.Seal.txid)
	}
	if other.Err == nil && other.Seal.acknowledges(last.TxID) {
		return Durable, nil
	}
	switch {
	case last.Seal.kind == lostSeal:
		return Unsealed, sealErrorf("the seal of transaction %d is corrupt", last.TxID)
	case last.Seal.seals(last.TxID):
		if whole, err := f.matches(last); whole || err != nil {
			return Sealed, err
		}
	case other.Err != nil || other.Seal.kind == noSeal || m.CheckSequence() != nil:
		return Unsealed, nil
	}
	return Interrupted, f.checkFallback(last, m, other)
}

// checkFallback returns an error unless other, the meta page before the last one, counts instead.
func (f File) checkFallback(last MetaPage, m MetaPages, other MetaPage) error {
	if other.Err != nil {
		return sealErrorf("the pages of transaction %d are not those that were sealed, and the other meta page is lost", last.TxID)
	}
	if err := m.CheckSequence(); err != nil {
		return &SealError{err.Error()}
	}
	if other.Seal.acknowledges(other.TxID) {
		return nil
	}
	whole, err := f.matches(other)
	if err == nil && !whole {
		err = sealErrorf("the pages of transactions %d and %d are not those that were sealed", last.TxID, other.TxID)
	}
	return err
}

// matches reports whether the pages of a transaction are the ones that were sealed.
func (f File) matches(m MetaPage) (bool, error) {
	switch s := m.Seal; {
	case !s.seals(m.TxID):
		return false, nil
	case s.kind == syncedSeal:
		return true, nil
	}
	var sum xxhash.Digest
	sum.Reset()
	var b []byte
	for _, id := range m.Seal.pages {
		var err error
		b, err = f.whole(id, b)
		if errors.Is(err, errPage) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		sum.Write(b) // a hash never fails
	}
	return sum.Sum64() == m.Seal.sum, nil
}

// CheckDurable returns a [Fault] if the last transaction is durable, as its outcome o says, and a page that it
// has written is not the one that was sealed: the disk has lost or changed the page since. A page that
// cannot be read does not count.
func (f File) CheckDurable(m MetaPages, o Outcome) error {
	id, ok := m.Latest()
	if !ok || o != Durable || !m[id].Seal.seals(m[id].TxID) {
		return nil
	}
	if whole, err := f.matches(m[id]); whole || err != nil {
		return nil
	}
	return MetaFault(id, sealErrorf("transaction %d was durable, and its pages are not those that were sealed", m[id].TxID))
}

// HasWritten reports whether the last transaction has written a page, as its seal says.
func (m MetaPages) HasWritten(page uint64) bool {
	id, ok := m.Latest()
	return ok && m[id].Seal.seals(m[id].TxID) && slices.Contains(m[id].Seal.pages, page)
}

// errPage says that there is no whole page where one was looked for.
var errPage = errors.New("no whole page")

// whole returns a page, with its overflow pages. It uses the memory of buf if that suffices.
func (f File) whole(id uint64, buf []byte) ([]byte, error) {
	if id >= f.Pages() {
		return nil, errPage
	}
	b := slices.Grow(buf[:0], int(f.PageSize))[:f.PageSize]
	if _, err := f.ReadAt(b, int64(id)*f.PageSize); err != nil {
		return nil, err
	}
	n := uint64(ParseHeader(b).Overflow) + 1
	if n == 1 {
		return b, nil
	}
	if n > f.Pages()-id {
		return nil, errPage
	}
	b = slices.Grow(b, int(n-1)*int(f.PageSize))[:int(n)*int(f.PageSize)]
	_, err := f.ReadAt(b[f.PageSize:], int64(id+1)*f.PageSize)
	return b, err
}

// A Sealer seals the transaction of a meta page.
type Sealer struct {
	File
	ID   int // of the meta page
	Meta Meta

	// What was free before the transaction: these pages, and all from End. A page can only have
	// been written by the transaction if it was free.
	Free Bitmap
	End  uint64
}

// Sector returns the first sector of the meta page with a seal. It returns nil if the
// transaction has written more pages than a seal can list, or it cannot be told which.
func (s Sealer) Sector() ([]byte, error) {
	written, err := s.written()
	if errors.Is(err, errPage) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var sum xxhash.Digest
	sum.Reset()
	seal := Seal{kind: pagesSeal, txid: s.Meta.TxID}
	for _, p := range written {
		seal.pages = append(seal.pages, p.id)
		sum.Write(p.content) // a hash never fails
	}
	seal.sum = sum.Sum64()
	return s.sector(seal)
}

// SyncedSector is Sector for a transaction whose pages, and the meta page, are durable.
func (s Sealer) SyncedSector() ([]byte, error) {
	return s.sector(Seal{kind: syncedSeal, txid: s.Meta.TxID})
}

func (s Sealer) sector(seal Seal) ([]byte, error) {
	b, err := s.metaSector(s.ID)
	if err != nil || !seal.put(b) {
		return nil, err
	}
	return b, nil
}

func (f File) metaSector(id int) ([]byte, error) {
	b := make([]byte, SectorLen)
	_, err := f.ReadAt(b, int64(id)*f.PageSize)
	return b, err
}

// Receipt returns the first sector of the other meta page, with a receipt for the transaction.
func (s Sealer) Receipt() ([]byte, error) {
	b, err := s.metaSector(1 - s.ID)
	if err != nil {
		return nil, err
	}
	Seal{kind: receipt, txid: s.Meta.TxID}.put(b)
	return b, nil
}

// A writtenPage is a page that a transaction has written.
type writtenPage struct {
	id      uint64
	content []byte
}

// written returns the pages that the transaction has written, in ascending order. bbolt never
// overwrites a page in use, and writes all pages above one that it writes, so these are the pages
// of the trees, from the root downwards, that were free before. bbolt copies references that
// were corrupt before: if one leads anywhere else, written returns errPage.
func (s Sealer) written() (list []writtenPage, err error) {
	visited := NewBitmap(s.Pages())
	add := func(id uint64) (b []byte, err error) {
		if id < s.End && !s.Free.Has(id) {
			return nil, nil
		}
		if visited.Has(id) {
			return nil, errPage
		}
		if b, err = s.whole(id, nil); err == nil {
			visited.Add(id)
			list = append(list, writtenPage{id, b})
		}
		return b, err
	}
	var below func(id uint64, root bool) error
	below = func(id uint64, root bool) error {
		b, err := add(id)
		if b == nil || err != nil {
			return err
		}
		h := ParseHeader(b)
		if h.Kind == LeafKind && !root {
			return nil
		}
		var failed error // to go on below
		err = EachElement(h, b, func(_ int, e Element) error {
			if h.Kind == BranchKind {
				failed = below(e.Child, root)
				return failed
			}
			if !e.Bucket {
				return nil
			}
			_, _, tree, err := BucketEntry{Page: id, Value: e.Value}.Parse()
			if err == nil && tree != 0 {
				failed = below(tree, false)
				err = failed
			}
			return err
		})
		if err != nil && failed == nil {
			return errPage
		}
		return err
	}
	if err := below(s.Meta.Root, true); err != nil {
		return nil, err
	}
	if s.Meta.Freelist != NoFreelist {
		if _, err := add(s.Meta.Freelist); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(list, func(a, b writtenPage) int { return cmp.Compare(a.id, b.id) })
	return list, nil
}

// CanSeal reports whether one sync suffices for the next transaction: the meta page that it does
// not overwrite has the last one, with a seal, so that it is known to be interrupted until it has
// one itself.
func (m MetaPages) CanSeal() bool {
	id, ok := m.Latest()
	if !ok {
		return false
	}
	kept := m[m[id].TxID%2]
	return kept.Err == nil && kept.TxID == m[id].TxID && (kept.Seal.seals(kept.TxID) || kept.Seal.acknowledges(kept.TxID))
}
