package bolt

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

// chooseMeta returns what bbolt would go by. If one of the meta pages is lost, what
// the other leads to can be out of date by a transaction.
func (v *salvager) chooseMeta(r io.ReaderAt, size int64) (meta, bool) {
	i, slots := openImage(r, size)
	for id, s := range slots {
		if s.err != nil {
			v.lost.add(metaFault(id, s.err))
		} else if s.wrong != nil {
			v.lost.add(metaFault(id, s.wrong))
		}
	}
	id, ok := latest(slots)
	if err := succession(slots); err != nil {
		v.lost.add(metaFault(id, err))
		v.astray = true
	}
	v.current = v.lost.none()
	if !ok {
		return meta{}, false
	}
	m := slots[id].meta
	if err := i.fit(m); err != nil {
		v.lost.add(metaFault(id, err))
		v.current = false
		return meta{}, false
	}
	v.w = &walker{image: i, end: m.end}
	return m, true
}

// readTrees reads all that m leads to.
func (v *salvager) readTrees(m meta) error {
	v.pageSize, v.end = v.w.pageSize, m.end
	v.free, _ = v.w.freePages(m, v.unseen()) // Without it there is one witness less.
	if v.free.has(m.root) {
		v.current = false // as in read
	}
	v.w.seen = v.unseen()
	v.w.report = func(f fault) { v.lost.add(f) }
	v.buckets, _ = v.w.root(m.root)
	if len(v.buckets) == 0 && v.lost.none() {
		return fmt.Errorf("%w: it has no bucket %q", backend.ErrFormat, metaBucket)
	}
	v.lost.join(v.read(metaBucket, v.readMeta))
	if v.strange != nil {
		return v.strange
	}
	v.lost.join(v.read(bootsBucket, v.readBoot))
	v.lost.join(v.read(cursorsBucket, v.readCursor))
	v.faults = v.read(leasesBucket, v.readLease)
	v.readIndices()
	return nil
}

func (v *salvager) unseen() bitmap { return newBitmap(min(v.w.end, v.w.pages())) }

// read calls each for each entry of a bucket that can be read, and returns what else
// there is.
func (v *salvager) read(bucket []byte, each func(key, value []byte) error) (faults findings) {
	name := string(bucket)
	e, ok := v.buckets[name]
	if !ok {
		faults.add(fmt.Errorf("the bucket %s", name))
		return faults
	}
	v.w.seen = v.unseen() // A wrong way that was taken elsewhere does not count here.
	v.w.report = func(f fault) { faults.add(f) }
	v.w.bucket(name, e, func(page uint64, list []element) {
		if v.free.has(page) { // One of the two is out of date: a disk has lost a write.
			v.current = false
		}
		for _, e := range list {
			if err := each(e.key, e.value); err != nil {
				faults.add(fault{page: page, part: name, err: err})
			}
		}
	})
	return faults
}

func (v *salvager) readMeta(key, value []byte) error {
	switch {
	case bytes.Equal(key, formatKey):
		if _, known := parseFormat(value); !known {
			v.strange = unknownVersion(value)
		}
	case bytes.Equal(key, bootKey):
		if err := storekit.CheckBoot(string(value)); err != nil {
			return err
		}
		v.Boot = string(value)
	}
	return nil
}

func (v *salvager) readBoot(key, value []byte) error {
	number, err := parseBootNumber(key)
	if err != nil {
		return err
	}
	if err := storekit.CheckBoot(string(value)); err != nil {
		return err
	}
	v.boots[number] = string(value)
	return nil
}

func (v *salvager) readCursor(key, value []byte) error {
	if err := storekit.CheckSet(string(key)); err != nil {
		return err
	}
	addr, err := keyAddr(value)
	if err == nil {
		err = storekit.CheckAddr(addr)
	}
	if err != nil {
		return fmt.Errorf("of range set %s: %w", key, err)
	}
	v.Cursors[string(key)] = addr
	return nil
}

func (v *salvager) readLease(key, value []byte) error {
	addr, err := keyAddr(key)
	if err != nil {
		return err
	}
	l, boot, err := decode(addr, value)
	if err == nil {
		err = l.Validate()
	}
	if err != nil {
		v.broken = append(v.broken, addr)
		return fmt.Errorf("of %s: %w", addr, err)
	}
	v.finds[addr] = find{Lease: l, boot: boot, reached: true, inUse: true}
	return nil
}

// readIndices reads the indices, those that have no faults.
func (v *salvager) readIndices() {
	runs := []run{}
	faults := v.read(runsBucket, func(key, value []byte) (err error) {
		runs, err = appendRun(runs, key, value)
		return err
	})
	if faults.none() {
		v.runs = runs
	}
	owners, addrs := []string{}, []netip.Addr{}
	faults = v.read(ownersBucket, func(key, _ []byte) error {
		addr, err := keyAddr(key[min(hashLen, len(key)):])
		owners, addrs = append(owners, string(key)), append(addrs, addr)
		return err
	})
	if faults.none() {
		slices.SortFunc(addrs, netip.Addr.Compare)
		v.owners, v.ownerRuns = owners, runsOf(addrs)
	}
}

// appendRun appends to runs that of an entry of the index, unless they touch.
func appendRun(runs []run, key, value []byte) ([]run, error) {
	first, err := keyAddr(key)
	if err != nil {
		return runs, err
	}
	last, err := keyAddr(value)
	if err != nil {
		return runs, err
	}
	if first.BitLen() != last.BitLen() || last.Less(first) {
		return runs, fmt.Errorf("run from %s ends at %s", first, last)
	}
	if n := len(runs); n > 0 && first.Compare(runs[n-1].last.Next()) <= 0 {
		return runs, fmt.Errorf("run from %s is part of one before", first)
	}
	return append(runs, run{first, last}), nil
}
