//go:build linux

package powercut

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// An image is what a power cut leaves; a directory comes before its entries.
type image []item

type item struct {
	path    string
	isDir   bool
	inode   int
	content content
}

// sum returns a hash of an image: of names, contents, and the inodes and times that the
// journal of the files store uses. It depends on the seed.
func (i image) sum(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, it := range i {
		it.hash(&h)
	}
	return h.Sum64()
}

func (i item) hash(h *maphash.Hash) {
	head := fmt.Appendf(nil, "%q %t %d", i.path, i.isDir, i.inode)
	if !i.content.modified.IsZero() {
		head = binary.LittleEndian.AppendUint64(head, uint64(i.content.modified.UnixNano()))
	}
	head = binary.LittleEndian.AppendUint64(head, uint64(len(i.content.data)))
	head = fmt.Append(head, i.content.marked)
	h.Write(head) // never fails
	h.Write(i.content.data)
}

// create creates the directory of an image. Its files are links to the vault, so that they
// have the inodes that programs saw. There can be only one image at a time.
func (i image) create(dir, vault string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, it := range i {
		if err := it.create(filepath.Join(dir, it.path), vault); err != nil {
			return err
		}
	}
	return nil
}

func (i item) create(at, vault string) error {
	if i.isDir {
		return os.Mkdir(at, 0o755)
	}
	kept := inVault(vault, i.inode)
	if err := os.WriteFile(kept, i.content.data, 0o600); err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(kept, i.mode()), os.Link(kept, at)); err != nil || i.content.modified.IsZero() {
		return err
	}
	return os.Chtimes(at, i.content.modified, i.content.modified)
}

func (i item) mode() fs.FileMode {
	if i.content.marked {
		return 0o400 | fs.ModeSetgid
	}
	return 0o600
}

// inVault returns the path of a file in the vault, which keeps every file that ever
// existed.
func inVault(vault string, inode int) string { return filepath.Join(vault, strconv.Itoa(inode)) }
