package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/exchange"
)

func createBuckets(b *bbolt.Tx) error {
	for _, name := range format.Buckets() {
		if _, err := createBucket(b, name); err != nil {
			return err
		}
	}
	return b.Bucket(format.MetaBucket).Put(format.VersionKey, []byte{format.Version})
}

func createBucket(t *bbolt.Tx, name []byte) (*bbolt.Bucket, error) {
	b, err := t.CreateBucket(name)
	if err == nil && bytes.Equal(name, format.HistoryBucket) {
		err = errors.Join(b.Put(format.FirstKey, format.Number(1)), b.Put(format.PolicyKey, []byte{}))
	}
	return b, err
}

// putInPlace gives a new file, whose first transaction has been committed, the name of the
// store. So a kill or power cut leaves either no store or a whole one. bbolt's own way to
// create a file can leave one on which every later open fails or panics.
//
// After an error the file is gone. renamed reports whether it had the store's name.
//
// If another store has appeared at the path meanwhile, that one stays: programs that make
// stores of files, the stock plugin among them, do not know of the lock of the new file.
func (s *Store) putInPlace() (renamed bool, err error) {
	err = durable.PutNew(s.newPath(), s.path)
	if errors.Is(err, fs.ErrExist) {
		return false, fmt.Errorf("%w: it was made at the same time; nothing was written", backend.ErrOtherStore)
	}
	if err != nil {
		return false, err
	}
	err = exchange.At(s.path).CheckBlocked()
	if err != nil {
		// Since the path was found empty, another store was made, and a migration of it was
		// interrupted: its successor waits for the path.
		err = fmt.Errorf("%w: %w", backend.ErrBusy, err)
	} else {
		// The process that made the directories above may have been killed before it synced.
		err = durable.SyncPath(filepath.Dir(s.path))
	}
	if err != nil {
		// The caller learns that nothing happened.
		err = errors.Join(err, os.Remove(s.path))
	}
	return true, err
}

// discard removes a new file to which nothing was committed.
func (s *Store) discard() error { return os.Remove(s.newPath()) }
