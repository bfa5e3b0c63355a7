package bolt

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/backend/bolt/internal/disk"
)

// Space that is allocated in the store's file serves a Delete only where the file system
// overwrites in place. btrfs writes to new blocks what is in a snapshot or was made without
// FS_NOCOW_FL, xfs what a reflink shares, ZFS everything; and in mixed block groups of
// btrfs, or in fuse2fs, a full disk refuses all writes. Removing a file works on each of
// them, however full. So there is a spare file for all stores of a directory: the first
// commit that finds no space removes it and is repeated.
const spareName = ".leasehold-spare"

// spareSize is several times what the Deletes of a full node write before the file system
// can reuse what they have freed.
const spareSize = 1 << 20

func (s *Store) sparePath() string { return filepath.Join(filepath.Dir(s.path), spareName) }

// keepSpare makes the spare file if it is missing and can be of use.
func (t *session) keepSpare() {
	if t.pending.puts == 0 || disk.WritesInPlace(t.file) {
		return
	}
	path := t.store.sparePath()
	if isSpare(path) {
		return
	}
	// The lease is durable already, so errors are dropped: without a spare file a Delete can fail
	// on a full disk.
	_ = os.Remove(path)
	if writeSpare(path) != nil {
		_ = os.Remove(path) // It would be too short, and is made again next time.
	}
}

// isSpare reports whether removing the file at path frees enough space.
func isSpare(path string) bool {
	f, err := disk.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer f.Close() // It was only read.
	info, err := f.Stat()
	return err == nil && info.Size() >= spareSize && !disk.HasSharedBlocks(f)
}

// writeSpare fills a file with noise, which no file system can compress. It is not synced:
// losing it in a power cut does no harm.
func writeSpare(path string) error {
	f, err := disk.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	noise := make([]byte, spareSize)
	for i, x := 0, uint64(1); i < len(noise); i++ { // xorshift64
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		noise[i] = byte(x >> 32)
	}
	_, err = f.Write(noise)
	return errors.Join(err, f.Close())
}

// removeSpare removes the spare file, and reports whether there was one.
func (s *Store) removeSpare() bool { return os.Remove(s.sparePath()) == nil }
