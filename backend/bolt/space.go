package bolt

import "os"

// bbolt never overwrites a page that is in use: a Delete, too, writes new pages
// before old ones become free, and at the end of the file it makes room by
// ftruncate, which promises no disk space. So that a Delete cannot fail on a full
// disk, the file is kept ahead of what is in use by the pages that the Puts of a
// transaction, and Deletes of the same leases after it, can take together. What is done
// where that does not help is in spare.go.

// growth is how far ahead of need, in bytes, a file is extended at least.
const growth = 64 << 10

// manyPuts is from how many Puts on a transaction counts as a bulk load, which
// writes many leases to one page. Where a bulk load has grown the file beyond
// what was allocated, the next transaction with a Put makes up for it.
const manyPuts = 8

// makeRoom has the file allocated far enough ahead for one more Put.
func (t *tx) makeRoom() error {
	if t.puts == manyPuts {
		return nil
	}
	t.puts++
	pages := int64(t.puts) * pagesTouched(t.bolt.Size())
	return t.allocateAhead(t.toCommit(pages) + pages)
}

// roomForMore has the file allocated far enough ahead for another Update in the same
// transaction. If that is not possible, it is better that those who wait have a
// transaction each: their Deletes are then sure to succeed.
func (t *session) roomForMore() bool {
	if t.damage != nil || t.failed != nil || t.due.bulk {
		return false
	}
	return t.allocateAhead(t.toCommit(manyPuts*pagesTouched(t.bolt.Size()))) == nil
}

// due is what those who are done have left to commit.
type due struct {
	puts    int64 // Puts, of those that makeRoom counts
	changes int64
	pages   int64 // that they have touched at most
	bulk    bool  // nobody knows how many these are
}

func (d *due) add(t *tx) {
	d.puts += int64(t.puts)
	d.changes += int64(t.changes)
	d.pages += int64(t.changes) * pagesTouched(t.bolt.Size())
	d.bulk = d.bulk || t.changes > manyPuts
}

// toCommit returns how many pages a commit writes at most if whoever is at work touches
// the given number of them. However many there are, none is written twice.
func (t *session) toCommit(pages int64) int64 {
	used := t.bolt.Size()
	all := used/int64(os.Getpagesize()) + 2*t.due.changes + manyPuts*pagesTouched(used)
	return min(t.due.pages+pages, all)
}

// allocateAhead has that many pages allocated behind those in use.
func (t *session) allocateAhead(pages int64) error {
	used := t.bolt.Size()
	want := used + pages*int64(os.Getpagesize())
	if t.room >= want {
		return nil
	}
	if t.size >= want {
		// Long enough, but with holes, as a bulk load leaves it. A file system
		// that compresses lets it look so for ever.
		t.room = t.size
		return allocate(t.file, t.size)
	}
	// By a part of it, so that growing is rare and what is not used stays small.
	target := want + max(growth, used/32)
	if err := extend(t.file, target); err != nil {
		return err
	}
	t.size, t.room = target, target
	return nil
}

// pagesTouched returns the most pages that a Put or a Delete writes in a file of
// which used bytes are in use: in each of three trees a path and, where pages
// split or merge, their neighbours; the root; and the list of free pages, which
// takes eight bytes for each.
func pagesTouched(used int64) int64 {
	page := int64(os.Getpagesize())
	pages := used / page
	levels := int64(2)
	for n := pages; n > 32; n /= 32 { // a branch has more children than that
		levels++
	}
	return 3*2*levels + 1 + 8*pages/page + 1
}
