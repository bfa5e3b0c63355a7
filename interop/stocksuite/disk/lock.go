package disk

import (
	"context"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/internal/flock"
)

// A FileLock is the lock of an existing file, or of the file "lock" in a directory, as in a
// files store.
type FileLock struct{ f *os.File }

// NewFileLock opens the file.
func NewFileLock(path string) (*FileLock, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		path = filepath.Join(path, "lock")
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	return &FileLock{f}, err
}

// Lock waits for the lock.
func (l *FileLock) Lock() error { return flock.Exclusive(context.Background(), l.f) }

// Unlock releases the lock.
func (l *FileLock) Unlock() error { return flock.Unlock(l.f) }

// Close closes the file.
func (l *FileLock) Close() error { return l.f.Close() }
