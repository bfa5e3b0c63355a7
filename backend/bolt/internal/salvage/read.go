package salvage

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
	"github.com/leasehold/leasehold/backend/storekit"
)

// chooseMeta returns the meta that bbolt would use. If one of the meta pages is lost, the
// other can be of the transaction before the last.
func (s *salvager) chooseMeta(r io.ReaderAt, size int64) (page.Meta, bool) {
	f, metas := page.Open(r, size)
	for id, m := range metas {
		if m.Err != nil {
			s.lost.Add(page.MetaFault(id, m.Err))
		} else if m.Wrong != nil {
			s.lost.Add(page.MetaFault(id, m.Wrong))
		}
	}
	id, ok := metas.Latest()
	err := metas.CheckSequence()
	if err == nil && s.lost.None() {
		_, err = f.Outcome(metas)
	}
	if err != nil {
		s.lost.Add(page.MetaFault(id, err))
		s.foreignMeta = true
	}
	s.current = s.lost.None()
	if !ok {
		return page.Meta{}, false
	}
	m := metas[id].Meta
	if err := f.CheckMeta(m); err != nil {
		s.lost.Add(page.MetaFault(id, err))
		s.current = false
		return page.Meta{}, false
	}
	s.w = page.NewWalker(f, m.End, format.DescribeKeys)
	return m, true
}

// readTrees reads all that m refers to.
func (s *salvager) readTrees(m page.Meta) error {
	s.pageSize, s.end = s.w.File.PageSize, m.End
	s.free, _ = s.w.FreePages(m, s.noPages()) // Without it there is less to decide by.
	if s.free.Has(m.Root) {
		s.current = false // as in readBucket
	}
	s.w.Visited = s.noPages()
	s.w.Report = func(f page.Fault) { s.lost.Add(f) }
	s.buckets, _ = s.w.Root(m.Root, format.AllBuckets())
	if len(s.buckets) == 0 && s.lost.None() {
		return format.ErrNoMetaBucket()
	}
	s.lost.Join(s.readBucket(format.MetaBucket, s.readMeta))
	if s.unsupported != nil {
		return s.unsupported
	}
	s.lost.Join(s.readBucket(format.BootsBucket, s.readBoot))
	s.lost.Join(s.readBucket(format.CursorsBucket, s.readCursor))
	s.readShared()
	s.leasesFaults = s.readBucket(format.LeasesBucket, s.readLease)
	s.readIndices()
	s.readCooling()
	if _, ok := s.buckets[string(format.HistoryBucket)]; ok || s.version >= format.BucketSince(format.HistoryBucket) {
		faults := s.readHistory()
		s.HistoryLost = !faults.None()
		s.lost.Join(faults)
	}
	return nil
}

func (s *salvager) noPages() page.Bitmap { return page.NewBitmap(min(s.w.End, s.w.Pages())) }

// readBucket calls each for each entry of a bucket that can be read, and returns the faults
// of the others.
func (s *salvager) readBucket(bucket []byte, each func(key, value []byte) error) (faults page.Errors) {
	name := string(bucket)
	e, ok := s.buckets[name]
	if !ok {
		faults.Add(fmt.Errorf("the bucket %s", name))
		return faults
	}
	s.w.Visited = s.noPages() // A tree that wrongly leads into this one must not hide it.
	s.w.Report = func(f page.Fault) { faults.Add(f) }
	s.w.Bucket(name, e, func(id uint64, list []page.Element) {
		if s.free.Has(id) { // Tree or freelist is outdated: the disk has lost a write.
			s.current = false
		}
		for _, e := range list {
			if err := each(e.Key, e.Value); err != nil {
				faults.Add(page.Fault{Page: id, Part: name, Err: err})
			}
		}
	})
	return faults
}

func (s *salvager) readMeta(key, value []byte) error {
	switch {
	case bytes.Equal(key, format.VersionKey):
		var known bool
		if s.version, known = format.ParseVersion(value); !known {
			s.unsupported = format.ErrVersion(value)
		}
		s.shared = s.version == format.SharedVersion
	case bytes.Equal(key, format.SearchKey):
		if err := storekit.CheckBoot(string(value)); err != nil {
			return err
		}
		s.LastSearch = string(value)
	case bytes.Equal(key, format.CountsKey):
		c, err := format.DecodeCounts(value)
		s.Gap = c.Gap
		return err
	}
	return nil
}

// readHistory reads the ended leases, and the policy. The index of them is made again.
func (s *salvager) readHistory() (faults page.Errors) {
	faults = s.readBucket(format.HistoryBucket, func(key, value []byte) error {
		switch {
		case format.IsPackKey(key):
			return s.readPack(key, value)
		case bytes.Equal(key, format.PolicyKey):
			if err := storekit.CheckBoot(string(value)); err != nil {
				return err
			}
			s.Policy = string(value)
		case bytes.Equal(key, format.FirstKey):
			first, err := format.ParseNumber(value)
			for len(s.packs) > 0 && s.packs[0].Next() <= first {
				s.packs = s.packs[1:]
			}
			if len(s.packs) > 0 {
				s.packs[0] = s.packs[0].From(first)
			}
			return err
		}
		return nil
	})
	for _, p := range s.packs {
		if err := s.addEnded(p); err != nil {
			faults.Add(err)
		}
	}
	return faults
}

func (s *salvager) readPack(key, value []byte) error {
	p, err := format.DecodePack(key, bytes.Clone(value)) // The walker uses its memory again.
	if err == nil {
		s.packs = append(s.packs, p)
	}
	return err
}

func (s *salvager) addEnded(p format.Pack) error {
	for _, past := range p.List {
		e, err := past.Ended()
		if err != nil {
			return err
		}
		if !e.Forgotten() {
			s.History = append(s.History, e)
		}
	}
	return nil
}

func (s *salvager) readBoot(key, value []byte) error {
	number, err := format.ParseBootNumber(key)
	if err != nil {
		return err
	}
	if err := storekit.CheckBoot(string(value)); err != nil {
		return err
	}
	s.boots[number] = string(value)
	return nil
}

func (s *salvager) readCursor(key, value []byte) error {
	if err := storekit.CheckSet(string(key)); err != nil {
		return err
	}
	addr, err := format.ParseAddr(value)
	if err == nil {
		err = storekit.CheckAddr(addr)
	}
	if err != nil {
		return fmt.Errorf("cursor of range set %s: %w", key, err)
	}
	s.Cursors[string(key)] = addr
	return nil
}

func (s *salvager) readLease(key, value []byte) error {
	addr, err := format.ParseAddr(key)
	if err != nil {
		return err
	}
	l, boot, err := format.Decode(addr, value)
	if err == nil {
		err = l.Validate()
	}
	if err != nil {
		s.unreadable = append(s.unreadable, addr)
		return fmt.Errorf("lease of %s: %w", addr, err)
	}
	s.candidates[addr] = candidate{Lease: l, boot: boot, inTree: true, inUse: true}
	return nil
}

// readIndices reads the two indices, each of which counts only if it has no fault.
func (s *salvager) readIndices() {
	runs := []format.Run{}
	faults := s.readBucket(format.RunsBucket, func(key, value []byte) (err error) {
		runs, err = appendRun(runs, key, value)
		return err
	})
	if faults.None() {
		s.runs = runs
	}
	owners, addrs := []string{}, []netip.Addr{}
	faults = s.readBucket(format.OwnersBucket, func(key, _ []byte) error {
		addr, err := format.ParseAddr(key[min(format.HashLen, len(key)):])
		owners, addrs = append(owners, string(key)), append(addrs, addr)
		return err
	})
	if faults.None() {
		slices.SortFunc(addrs, netip.Addr.Compare)
		s.owners, s.ownerRuns = owners, runsOf(addrs)
	}
}

// readCooling reads the cooling addresses, which are in the runs without being leased. If any cannot
// be read, all stay taken, as if their leases were lost.
func (s *salvager) readCooling() {
	if _, ok := s.buckets[string(format.CoolingBucket)]; !ok && s.version < format.BucketSince(format.CoolingBucket) {
		return
	}
	var cooling []backend.Cooling
	var addrs []netip.Addr
	faults := s.readBucket(format.CoolingBucket, func(key, value []byte) error {
		c, err := format.DecodeCooling(key, value)
		cooling, addrs = append(cooling, c), append(addrs, c.Addr)
		return err
	})
	if !faults.None() {
		s.lost.Join(faults)
		return
	}
	s.Cooling = cooling
	if s.runs != nil {
		s.runs = slices.Concat([]format.Run{}, subtractRuns(s.runs, runsOf(addrs)))
	}
}

// appendRun appends the run of an entry of the runs index, unless it touches the last one.
func appendRun(runs []format.Run, key, value []byte) ([]format.Run, error) {
	r, err := format.DecodeRun(key, value)
	if err != nil {
		return runs, err
	}
	if n := len(runs); n > 0 && r.First.Compare(runs[n-1].Last.Next()) <= 0 {
		return runs, fmt.Errorf("run from %s overlaps or touches the one before", r.First)
	}
	return append(runs, r), nil
}
