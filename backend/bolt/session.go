package bolt

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/flock"
)

// A session is a transaction of bbolt on the store's file, with what surrounds it: that
// of a View, or that which some Updates share.
type session struct {
	store *Store
	file  *os.File
	how   purpose
	sound bool // all pages of the file have been looked at
	db    *bbolt.DB
	bolt  *bbolt.Tx

	meta, leases, owners, runs, boots, cursors *bucket

	free, listed bitmap // pages that are free, and those that list them

	pageSize int   // bytes of a page
	size     int64 // bytes of the file
	room     int64 // bytes of the file that are known to be allocated
	due      due
	made     []func() error // the changes so far, in order
	memo     memo
	format   byte  // the version of the file's format
	wrote    bool  // there is something to commit
	placed   bool  // a new file got the store's name
	failed   error // why there can be no commit any more
	damage   error // what was met first; bbolt must not be called after it
}

// What a session does with the file.
type purpose int

const (
	viewing purpose = iota
	updating
	creating
)

// transact calls work in a session on the locked file f, and closes f.
func (s *Store) transact(f *os.File, how purpose, work func(*session) error) error {
	sound := how == creating
	if s.opts.checked && !sound {
		if err := s.check(f); err != nil {
			f.Close() // It was only read.
			return err
		}
		sound = true
	}
	return s.transactOn(f, how, sound, work)
}

func (s *Store) transactOn(f *os.File, how purpose, sound bool, work func(*session) error) error {
	defer f.Close() // mostly for the second time: bbolt closes what it has opened
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	t := &session{store: s, file: f, how: how, sound: sound}
	if err := t.settle(); err != nil {
		return s.fail(err)
	}
	if err := t.guard(t.begin); err != nil {
		return and(err, t.abort())
	}
	done := false
	defer func() {
		if !done { // work panicked, and goes on panicking: there is nobody to tell
			t.abort()
		}
	}()
	err := work(t)
	done = true
	if err = cmp.Or(err, t.damage, t.failed); err != nil || !t.wrote {
		_ = t.settled() // Nothing was written.
		return and(err, t.abort())
	}
	return t.commit()
}

// settle makes durable what somebody has left who was killed: a meta page that was not
// synced, whose pages this transaction would take for its own, or the name of the file.
func (t *session) settle() error {
	if t.how != updating {
		return nil
	}
	settled, err := durable.Settled(t.file)
	if err != nil || settled {
		return err
	}
	if err := t.file.Sync(); err != nil {
		return err
	}
	return durable.SyncPath(filepath.Dir(t.store.path))
}

// settled says that there is nothing to be synced. It returns [exchange.ErrUnderway] if the
// file was written to, and has been marked since: a migration through another mount marks it
// first, and then looks whether it was changed, so that one of the two sees the other.
func (t *session) settled() error {
	if t.how == viewing {
		return nil
	}
	mode, err := durable.SetSettled(t.file, true)
	if err == nil && t.wrote && exchange.IsMark(mode) {
		return t.store.fail(exchange.ErrUnderway)
	}
	return nil // If it failed, the next Update syncs.
}

// begin opens the file with bbolt and starts a transaction.
func (t *session) begin() error {
	if t.how == creating {
		forbidCopies(t.file)
	}
	var err error
	if t.db, err = t.openDB(); err != nil {
		return err
	}
	if t.bolt, err = t.db.Begin(t.how != viewing); err != nil {
		return err
	}
	if t.how == creating {
		if err := createBuckets(t.bolt); err != nil {
			return err
		}
	}
	return t.bind()
}

// openDB has bbolt work on the file, which is open and locked already.
func (t *session) openDB() (*bbolt.DB, error) {
	info, err := t.file.Stat()
	if err != nil {
		return nil, err
	}
	t.size = info.Size()
	if t.how != creating && t.size < int64(2*os.Getpagesize()) {
		return nil, t.store.damaged(fmt.Sprintf("%d bytes are too few", t.size))
	}
	if allocated(info) {
		t.room = t.size
	}
	if err := t.scout(); err != nil {
		return nil, err
	}
	file := t.file // rather than t, which the DB would keep
	db, err := bbolt.Open(t.store.path, 0o600, &bbolt.Options{
		OpenFile:     func(string, int, os.FileMode) (*os.File, error) { return file, nil },
		ReadOnly:     t.how == viewing,
		NoStatistics: true,
	})
	if err != nil {
		return nil, err
	}
	db.AllocSize = growth
	t.pageSize = db.Info().PageSize
	return db, nil
}

// bind finds the buckets, and makes sure that they are those of a lease store and
// that the file is as long as it says.
func (t *session) bind() error {
	if used := t.bolt.Size(); t.how != creating && used > t.size {
		return t.store.damaged(fmt.Sprintf("of %d bytes only %d are there", used, t.size))
	}
	t.findBuckets()
	if t.meta == nil {
		return t.store.fail(fmt.Errorf("%w: it has no bucket %q", backend.ErrFormat, metaBucket))
	}
	var known bool
	v := t.meta.Get(formatKey)
	if t.format, known = parseFormat(v); !known {
		return t.store.fail(unknownVersion(v))
	}
	for _, b := range t.buckets() {
		if *b.is == nil {
			return t.store.damaged(fmt.Sprintf("it has no bucket %q", b.name))
		}
	}
	return nil
}

// A named is a bucket of a session, and its name.
type named struct {
	name []byte
	is   **bucket
}

func (t *session) buckets() [6]named {
	return [...]named{
		{metaBucket, &t.meta}, {leasesBucket, &t.leases}, {ownersBucket, &t.owners},
		{runsBucket, &t.runs}, {bootsBucket, &t.boots}, {cursorsBucket, &t.cursors},
	}
}

// abort ends the transaction without writing.
func (t *session) abort() error {
	return and(t.rollBack(), t.close())
}

// rollBack ends the transaction of bbolt, if there is one.
func (t *session) rollBack() error {
	if t.damage != nil || t.bolt == nil {
		return nil
	}
	return t.guard(t.bolt.Rollback)
}

// close gives the file back, and with it the lock.
func (t *session) close() error {
	var err error
	if t.how == creating && !t.placed {
		err = t.store.discard()
	}
	switch {
	case t.damage != nil: // the mapping that bbolt leaves behind would keep the lock
		err = and(err, flock.Unlock(t.file))
	case t.db != nil:
		err = and(err, t.guard(t.db.Close))
		if t.how != viewing {
			emptyPool(t.db)
		}
	}
	return err
}

// and joins a further error to err. Without one it returns err as it is, which the
// caller of Update is promised.
func and(err, further error) error {
	if further == nil {
		return err
	}
	return errors.Join(err, further)
}
