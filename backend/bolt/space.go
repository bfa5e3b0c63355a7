package bolt

import (
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/backend/bolt/internal/disk"
)

// bbolt never overwrites a page in use: a Delete, too, writes new pages before old ones
// become free, and bbolt extends the file by ftruncate, which allocates no disk space. So
// that a Delete cannot fail on a full disk, the file is kept longer than the pages in use by
// what the Puts of a transaction, and Deletes of the same leases after it, can take
// together. Where that does not help there is a spare file.

// growth is the least number of bytes by which a file is extended.
const growth = 64 << 10

// bulkPuts is the number of Puts from which a transaction counts as a bulk load, which
// writes many leases to one page. If a bulk load has made the file longer than what was
// allocated, the next transaction with a Put makes up for it.
const bulkPuts = 8

// makeRoom allocates enough of the file for one more Put.
func (t *tx) makeRoom() error {
	if t.puts == bulkPuts {
		return nil
	}
	t.puts++
	pages := int64(t.puts) * t.pagesTouched()
	return t.allocateAhead(t.toCommit(pages) + pages)
}

// hasRoomForMore allocates enough of the file for another Update in the same transaction,
// and reports whether it could. If not, each Update that waits had better have a transaction
// of its own, in which a Delete is sure to succeed.
func (t *session) hasRoomForMore() bool {
	if t.damage != nil || t.failed != nil || t.pending.bulk {
		return false
	}
	return t.allocateAhead(t.toCommit(bulkPuts*t.pagesTouched())) == nil
}

// makeRoomToRecord allocates enough of the file for a change of the history in the transaction of
// a Delete, so that the history never takes the room that a later Delete needs.
func (t *tx) makeRoomToRecord() error {
	t.notes = min(t.notes+1, bulkPuts)
	used := t.bolt.Size()
	touched := t.pagesTouched()
	return t.allocateAhead(t.toCommit(int64(t.notes)*(touched+t.pagesRecorded(used))) + touched)
}

// pagesRecorded returns the most pages that recording an ended lease, and dropping some old ones,
// writes in addition to the Delete's: in history paths to both ends, in latest paths to the
// entries of those, and in pods, if there is one, a path to each.
func (t *session) pagesRecorded(used int64) int64 {
	pages := 2*levelsOf(used) + levelsOf(used) + 4
	if t.pods != nil {
		pages += 5*levelsOf(used) - 4
	}
	return pages
}

// pendingWrites are what the finished Updates of a session still have to write.
type pendingWrites struct {
	puts    int64 // as far as makeRoom counts them
	changes int64
	pages   int64 // the most that the changes can have touched
	indices int64 // pages of indices that are made
	bulk    bool  // there were too many puts to count
}

func (p *pendingWrites) add(t *tx) {
	p.puts += int64(t.puts)
	p.changes += int64(t.changes)
	p.pages += int64(t.changes)*t.pagesTouched() + int64(t.notes)*t.pagesRecorded(t.bolt.Size())
	p.bulk = p.bulk || t.changes > bulkPuts
}

// toCommit returns the most pages that a commit can write if the current Update touches the
// given number. No page is written twice, however many are touched.
func (t *session) toCommit(pages int64) int64 {
	used := t.bolt.Size()
	all := used/int64(os.Getpagesize()) + 2*t.pending.changes + bulkPuts*t.pagesTouched()
	return min(t.pending.pages+pages, all) + t.pending.indices
}

// allocateAhead allocates that many pages after those in use.
func (t *session) allocateAhead(pages int64) error {
	used := t.bolt.Size()
	want := used + pages*int64(os.Getpagesize())
	if t.room >= want {
		return nil
	}
	if t.size >= want {
		// Long enough, but with holes, as a bulk load leaves it. On a file system that
		// compresses it always looks like that.
		t.room = t.size
		return disk.Allocate(t.file, t.size)
	}
	// By a part of the file, so that growing is rare and little space stays unused.
	target := want + max(growth, used/32)
	if err := extend(t.file, target); err != nil {
		return err
	}
	t.size, t.room = target, target
	return nil
}

// pagesTouched returns the most pages that a Put or a Delete writes: in each of three trees, in a
// shared store of four, a path and, where pages split or merge, its neighbours; the root; and the
// freelist, which takes eight bytes for each page.
func (t *session) pagesTouched() int64 {
	pageSize := int64(os.Getpagesize())
	used := t.bolt.Size()
	trees := int64(3)
	if t.isShared() {
		trees = 4
	}
	return trees*2*levelsOf(used) + 1 + 8*(used/pageSize)/pageSize + 1
}

// levelsOf returns the most levels of a tree in a file of which that many bytes are in use.
func levelsOf(used int64) int64 {
	levels := int64(2)
	for n := used / int64(os.Getpagesize()); n > 32; n /= 32 { // A branch has more children than that.
		levels++
	}
	return levels
}

// extend makes a file longer by writing zeros: allocating without writing would make the
// first sync of each new page take half as long again.
func extend(f *os.File, size int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	zeros := make([]byte, min(max(size-info.Size(), 0), 1<<20))
	for at := info.Size(); at < size; {
		n, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at)
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

// Space that is allocated in the store's file serves a Delete only where the file system
// overwrites in place. btrfs writes to new blocks what is in a snapshot or was made without
// FS_NOCOW_FL, xfs what a reflink shares, ZFS everything; and in mixed block groups of
// btrfs, or in fuse2fs, a full disk refuses all writes. Removing a file works on each of
// them, however full. So there is a spare file for all stores of a directory: the first
// commit that finds no space removes it and is repeated.
const spareName = ".leasehold-spare"

func (s *Store) sparePath() string { return filepath.Join(filepath.Dir(s.path), spareName) }

// keepSpare makes the spare file if it is missing and can be of use.
func (t *session) keepSpare() {
	if t.pending.puts > 0 && !disk.WritesInPlace(t.file) {
		disk.MakeSpare(t.store.sparePath())
	}
}

// removeSpare removes the spare file, and reports whether there was one.
func (s *Store) removeSpare() bool { return os.Remove(s.sparePath()) == nil }
