package exchange

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// PutBack returns the path of what shows that a replaced store was copied over the one in the place, which keeps its
// mode, so that the copy is not marked: a backup with the same content, of a store that is a file, or the
// moved lock file in a directory. It is empty if nothing shows that. A store that was made of the same
// leases as a backup can have the same content, too.
func (p Place) PutBack() (string, error) {
	info, err := p.Stat()
	if info == nil || err != nil {
		return "", err
	}
	if info.IsDir() {
		moved := filepath.Join(p.path, MovedLock)
		lock, lockErr := os.Lstat(filepath.Join(p.path, StoreLock))
		if there, err := exists(os.Lstat, moved); !there || lockErr != nil || lock.IsDir() {
			return "", err
		}
		return moved, nil
	}
	names, err := p.backupNames()
	for _, name := range names {
		backup := filepath.Join(p.Dir(), name)
		other, err := os.Lstat(backup)
		if err != nil || !other.Mode().IsRegular() || other.Size() != info.Size() {
			continue // It may have been pruned.
		}
		if same, err := isCopy(p.path, backup); same || err != nil {
			return backup, err
		}
	}
	return "", err
}

// isCopy reports whether two files have the same content. One that is gone has not.
func isCopy(a, b string) (bool, error) {
	fileA, err := openRegular(a, os.O_RDONLY, 0)
	if err != nil {
		return false, ignoreNotExist(err)
	}
	defer fileA.Close() // It is only read.
	fileB, err := openRegular(b, os.O_RDONLY, 0)
	if err != nil {
		return false, ignoreNotExist(err)
	}
	defer fileB.Close() // Likewise.
	return sameContent(fileA, fileB)
}

func sameContent(a, b io.Reader) (bool, error) {
	const size = 64 << 10
	readerA, readerB := bufio.NewReaderSize(a, size), bufio.NewReaderSize(b, size)
	for {
		partA, errA := readerA.Peek(size)
		partB, errB := readerB.Peek(size)
		atEnd := errors.Is(errA, io.EOF) && errors.Is(errB, io.EOF)
		switch {
		case errA != nil && !errors.Is(errA, io.EOF):
			return false, errA
		case errB != nil && !errors.Is(errB, io.EOF):
			return false, errB
		case !bytes.Equal(partA, partB):
			return false, nil
		case atEnd:
			return true, nil
		}
		readerA.Discard(len(partA)) // They were peeked at.
		readerB.Discard(len(partB)) // Likewise.
	}
}
