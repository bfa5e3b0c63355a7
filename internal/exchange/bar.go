package exchange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/internal/durable"
)

// MovedLock is the name of the file that is locked in a directory that was replaced.
const MovedLock = ".leasehold-lock"

// bar keeps the stock plugin, which knows no mark, out of a directory that was replaced:
// it makes the file that it locks a directory, on which the plugin fails. A plugin that
// waits for the file already has it open, and is not kept out.
//
// It is not done where that takes two steps: between them the plugin would make a new file
// without a mark.
func bar(dir string) error {
	lock, moved := filepath.Join(dir, StoreLock), filepath.Join(dir, MovedLock)
	if info, err := os.Lstat(lock); err != nil || info.IsDir() {
		return err
	}
	if err := os.Mkdir(moved, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	err := durable.Exchange(moved, lock)
	if err != nil {
		err = errors.Join(err, os.Remove(moved))
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return errors.Join(err, durable.SyncDir(dir))
}

// unbar takes back what bar has done.
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
