package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/exchange"
)

// Names of buckets, and of keys in the bucket meta.
var (
	metaBucket    = []byte("meta")
	leasesBucket  = []byte("leases")
	ownersBucket  = []byte("owners")
	runsBucket    = []byte("runs")
	bootsBucket   = []byte("boots")
	cursorsBucket = []byte("cursors")

	formatKey = []byte("format")
	bootKey   = []byte("boot")
)

// format is the version of the format that this package writes.
//
// Version 1 had no nanoseconds in a record. A store of it gets the present version in the
// first transaction that writes; its old records stay as they are.
const format = 2

// parseFormat returns the version that the key format has, if this package can read it.
func parseFormat(value []byte) (version byte, ok bool) {
	if len(value) != 1 || value[0] < 1 || value[0] > format {
		return 0, false
	}
	return value[0], true
}

func createBuckets(b *bbolt.Tx) error {
	for _, name := range [][]byte{metaBucket, leasesBucket, ownersBucket, runsBucket, bootsBucket, cursorsBucket} {
		if _, err := b.CreateBucket(name); err != nil {
			return err
		}
	}
	return b.Bucket(metaBucket).Put(formatKey, []byte{format})
}

// place gives a new file, whose first transaction has been committed, the name of
// the store. Before that a kill or power cut leaves no store, and after it a
// whole one: bbolt's own way to create a file leaves, if power fails during it,
// one on which every later open fails or panics.
//
// After an error there is no such file any more. It reports whether it had the name.
//
// If another store has come to the path meanwhile, it stays: programs that make stores of
// files, the stock plugin among them, do not know of the lock of the new file.
func (s *Store) place() (named bool, err error) {
	err = durable.PutNew(s.newPath(), s.path)
	if errors.Is(err, fs.ErrExist) {
		return false, fmt.Errorf("%w: it was made at the same time; nothing was written", backend.ErrOtherStore)
	}
	if err != nil {
		return false, err
	}
	err = exchange.At(s.path).ErrStranded()
	if err != nil {
		// Another store was made, migrated and interrupted since we found none, and
		// waits for the place.
		err = fmt.Errorf("%w: %w", backend.ErrBusy, err)
	} else {
		// The directories above, too: who made them may have been killed before it synced.
		err = durable.SyncPath(filepath.Dir(s.path))
	}
	if err != nil {
		// The caller will be told that nothing happened.
		err = errors.Join(err, os.Remove(s.path))
	}
	return true, err
}

// discard removes a new file that nothing was committed to.
func (s *Store) discard() error { return os.Remove(s.newPath()) }
