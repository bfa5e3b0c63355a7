package bolt

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/disk"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/flock"
)

// A session is a transaction of bbolt on the store's file, from its lock to its sync. A View
// has one of its own; Updates can share one.
type session struct {
	store *Store
	file  *os.File
	mode  mode
	db    *bbolt.DB
	bolt  *bbolt.Tx
	buckets
	sharedBuckets
	indices
	checkers map[string]*page.Checker // by bucket; nil if the pages are checked
	cache    txCache
	version  byte // of the file's format

	// What is known of the pages.
	sound                    bool // all of them are sound
	freePages, freelistPages page.Bitmap
	end                      uint64 // the first page that was never used; 0 if not known

	metaValid bool         // at least one meta page is valid
	outcome   page.Outcome // of the transaction before this one
	altered   error        // unless nil, a page has changed since that transaction
	sealer    page.Sealer  // of this transaction, once it is committed

	// Disk space: see space.go.
	pageSize int   // in bytes
	size     int64 // of the file, in bytes
	room     int64 // how much of size is known to be allocated
	pending  pendingWrites

	// What has happened.
	wrote   bool   // there is something to commit
	redo    []step // the changes so far, in order
	renamed bool   // a new file got the store's name
	failed  error  // why there can be no commit
	damage  error  // why bbolt must not be called any more
	lost    error  // why the changes of the history are left out

	recorded time.Time // when the latest ended lease of the changes ended
}

// A txCache is the state that nearly every Update of a session reads or writes. The buckets
// get only the last value of what is written, before the commit.
type txCache struct {
	cursors map[string]netip.Addr // those newer than in the bucket

	run      format.Run // the last one that was read or put
	runDirty bool       // it is newer than in the bucket

	search      string // what LastSearch returns
	searchKnown bool

	block backend.Block // the last one that was read

	counts backend.Counts // to be added to the counts of the store

	boot       string
	bootNumber uint64 // 0, which no boot has, if boot is empty
}

// A mode is what a session does with the file.
type mode int

const (
	viewing mode = iota
	updating
	creating
)

// transact calls work in a session on the locked file f, and closes f.
func (s *Store) transact(f *os.File, m mode, work func(*session) error) error {
	sound := m == creating
	if s.opts.checkAll && !sound {
		if err := s.check(f); err != nil {
			f.Close() // It was only read.
			return err
		}
		sound = true
	}
	return s.transactOn(f, m, sound, func(t *session) error {
		if t.altered != nil {
			if err := t.guard(t.checkAltered); err != nil {
				return err
			}
		}
		return work(t)
	})
}

// transactOn is transact; sound reports whether all pages are known to be sound.
func (s *Store) transactOn(f *os.File, m mode, sound bool, work func(*session) error) error {
	defer f.Close() // mostly for the second time: bbolt closes the file that it uses
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	t := &session{store: s, file: f, mode: m, sound: sound}
	if err := t.guard(t.begin); err != nil {
		return joinErr(err, t.abort())
	}
	done := false
	defer func() {
		if !done {
			_ = t.abort() // work panicked, and goes on panicking: no caller gets an error.
		}
	}()
	err := work(t)
	done = true
	if err = cmp.Or(err, t.damage, t.failed); err != nil || !t.wrote {
		return joinErr(err, t.abort())
	}
	return t.commit()
}

// syncBefore makes the transaction before this one durable. The process that began it may have
// been killed before its sync, or before it synced the directories above the file.
func (t *session) syncBefore() error {
	if t.outcome == page.Durable {
		return nil
	}
	if err := t.file.Sync(); err != nil {
		return err
	}
	return durable.SyncPath(filepath.Dir(t.store.path))
}

// begin opens the file with bbolt and begins a transaction.
func (t *session) begin() error {
	if t.mode == creating {
		disk.DisableCopyOnWrite(t.file)
	}
	var err error
	if t.db, err = t.openDB(); err != nil {
		return err
	}
	if t.bolt, err = t.db.Begin(t.mode != viewing); err != nil {
		return err
	}
	if t.mode == creating {
		if err := createBuckets(t.bolt); err != nil {
			return err
		}
	}
	return t.bind()
}

// openDB opens the file, which is locked, with bbolt.
func (t *session) openDB() (*bbolt.DB, error) {
	info, err := t.file.Stat()
	if err != nil {
		return nil, err
	}
	t.size = info.Size()
	if t.mode != creating && t.size < int64(2*os.Getpagesize()) {
		return nil, t.store.damaged(fmt.Sprintf("file is truncated to %d bytes", t.size))
	}
	if disk.HasNoHoles(info) {
		t.room = t.size
	}
	canSeal, err := t.checkBefore()
	if err != nil {
		return nil, err
	}
	file := t.file // rather than t, which the DB would keep alive
	db, err := bbolt.Open(t.store.path, 0o600, &bbolt.Options{
		OpenFile:     func(string, int, os.FileMode) (*os.File, error) { return file, nil },
		ReadOnly:     t.mode == viewing,
		NoSync:       canSeal,
		NoStatistics: true,
	})
	if errors.Is(err, berrors.ErrInvalid) && t.metaValid {
		return nil, t.store.wrapPath(errMetasUnread())
	}
	if err != nil {
		return nil, err
	}
	db.AllocSize = growth
	t.pageSize = db.Info().PageSize
	return db, nil
}

// errMetasUnread returns the error for meta pages that bbolt could not read. It drops the error of
// the disk.
func errMetasUnread() error {
	return fmt.Errorf("read the meta pages, which could be read just before: %w", syscall.EIO)
}

// bind opens the buckets, once the file is known to be whole, and makes sure that the
// file is a lease store.
func (t *session) bind() error {
	if used := t.bolt.Size(); t.mode != creating && used > t.size {
		return t.store.damaged(fmt.Sprintf("file is truncated: it has %d bytes, want %d", t.size, used))
	}
	t.openBuckets()
	if t.metaBucket == nil {
		return t.store.wrapPath(format.ErrNoMetaBucket())
	}
	var known bool
	v := t.metaBucket.Get(format.VersionKey)
	if t.version, known = format.ParseVersion(v); !known {
		return t.store.wrapPath(format.ErrVersion(v))
	}
	for _, slot := range t.slots() {
		if *slot.field == nil && format.BucketSince(slot.name) <= t.version {
			return t.store.damaged(fmt.Sprintf("bucket %q is missing", slot.name))
		}
	}
	return t.openSharedBuckets()
}

// abort ends the session without writing.
func (t *session) abort() error {
	return joinErr(t.rollBack(), t.close())
}

// rollBack ends the transaction of bbolt, if there is one.
func (t *session) rollBack() error {
	if t.damage != nil || t.bolt == nil {
		return nil
	}
	return t.guard(t.bolt.Rollback)
}

// close closes the file, and so unlocks it.
func (t *session) close() error {
	var err error
	if t.mode == creating && !t.renamed {
		err = t.store.discard()
	}
	switch {
	case t.damage != nil: // The mapping that bbolt leaves behind would keep the lock.
		err = joinErr(err, flock.Unlock(t.file))
	case t.db != nil:
		// bbolt unmaps the file before it unlocks it, and others would wait for that. It reads
		// nothing more from the file.
		_ = flock.Unlock(t.file) // Closing the file unlocks it as well.
		err = joinErr(err, t.guard(t.db.Close))
		// Zeroing the DB drops its pool of pages, which the runtime otherwise keeps for two
		// garbage collections. Where transaction follows transaction, nearly all that is
		// allocated is in such pools, so each collection finds nearly all of it in use; and with
		// GOGC above 100 the heap more than doubles before the next one, without end.
		*t.db = bbolt.DB{}
	}
	return err
}
