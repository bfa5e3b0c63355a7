package exchange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/owner"
)

// MovedLock is the name of the locked file in a directory that was replaced.
const MovedLock = ".leasehold-lock"

// bar keeps the stock plugin, which does not know the mark, out of a directory that was
// replaced: it replaces the locked file by a directory, on which the plugin fails. A plugin
// that already waits for the lock has the file open, and is not kept out.
//
// If that would take two steps, bar does nothing, because between them the plugin would make a
// new file without a mark. It also does nothing on a full disk, because the new store is in its
// place already.
func bar(dir string) error {
	lock, moved := filepath.Join(dir, StoreLock), filepath.Join(dir, MovedLock)
	if info, err := os.Lstat(lock); err != nil || info.IsDir() {
		return err
	}
	err := owner.Mkdir(moved, 0o755)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	err = durable.Exchange(moved, lock)
	if err != nil {
		err = errors.Join(err, os.Remove(moved))
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return errors.Join(err, durable.SyncDir(dir))
}

// unbar undoes bar.
func unbar(dir string) error {
	lock, moved := filepath.Join(dir, StoreLock), filepath.Join(dir, MovedLock)
	info, err := os.Lstat(moved)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().IsRegular():
		if err := durable.Exchange(moved, lock); err != nil {
			return fmt.Errorf("%w; remove the directory %s, and rename %s to it", err, lock, moved)
		}
	}
	return errors.Join(os.Remove(moved), durable.SyncDir(dir))
}
