package bolt

import (
	"errors"
	"os"
	"path/filepath"
)

// Room that is allocated ahead in the store's file is room for a Delete only where the
// file system writes in place. btrfs writes elsewhere what is in a snapshot or was made
// without FS_NOCOW_FL, xfs what is shared by a reflink, ZFS everything; and where data and
// metadata of btrfs are mixed, or in fuse2fs, a full disk refuses all writes. What works on
// each of them, however full, is to remove a file. So there is a spare one, for all stores
// of a directory: the first commit that finds no space removes it, and is repeated.
const spareName = ".leasehold-spare"

// spareSize is several times what the Deletes of a full node write before the file system
// can use again what they have freed.
const spareSize = 1 << 20

func (s *Store) sparePath() string { return filepath.Join(filepath.Dir(s.path), spareName) }

// keepSpare makes the spare file where it can be of use and is missing. The lease has been
// recorded, so an error is dropped: without a spare a Delete can fail on a full disk.
func (t *session) keepSpare() {
	if t.due.puts == 0 || writesInPlace(t.file) {
		return
	}
	path := t.store.sparePath()
	if isSpare(path) {
		return
	}
	_ = os.Remove(path)
	if writeSpare(path) != nil {
		_ = os.Remove(path)
	}
}

// isSpare reports whether removing what is at path frees enough.
func isSpare(path string) bool {
	f, err := openFile(path, os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	return err == nil && info.Size() >= spareSize && !shared(f)
}

// writeSpare fills a file with what no file system can compress. It is not synced: a power
// cut that takes it away does no harm.
func writeSpare(path string) error {
	f, err := openFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
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

// spend removes the spare file. It reports whether there was one.
func (t *session) spend() bool { return os.Remove(t.store.sparePath()) == nil }
