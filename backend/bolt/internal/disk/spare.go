package disk

import (
	"errors"
	"os"
)

// spareSize is several times what the Deletes of a full node write before the file system
// can reuse what they have freed.
const spareSize = 1 << 20

// MakeSpare makes a file that takes space until it is removed, unless there is one. It reports no
// error: without a spare file a Delete can fail on a full disk.
func MakeSpare(path string) {
	if isSpare(path) {
		return
	}
	_ = os.Remove(path) // As the comment of the function says.
	if writeSpare(path) != nil {
		_ = os.Remove(path) // It would be too short, and is made again next time.
	}
}

// isSpare reports whether removing the file at path frees enough space.
func isSpare(path string) bool {
	f, err := OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer f.Close() // It was only read.
	info, err := f.Stat()
	return err == nil && info.Size() >= spareSize && !HasSharedBlocks(f)
}

// writeSpare fills a file with noise, which no file system can compress. It is not synced:
// losing it in a power cut does no harm.
func writeSpare(path string) error {
	f, err := OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
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
