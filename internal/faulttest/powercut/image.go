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

// An image is what a power cut has left, directories before what is in them.
type image []item

type item struct {
	path    string
	isDir   bool
	inode   int
	content content
}

// sum tells images apart: by names, by what files hold, and by what the journal of the
// files store goes by, inodes and times. It is another one for each seed.
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
	h.Write(head) // which never fails
	h.Write(i.content.data)
}

// make makes the directory dir of an image. Its files are those of the vault, with the
// inodes that programs saw, so that there can be one image at a time.
func (i image) make(dir, vault string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, it := range i {
		if err := it.make(filepath.Join(dir, it.path), vault); err != nil {
			return err
		}
	}
	return nil
}

func (i item) make(at, vault string) error {
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

// inVault returns the path at which a vault has every file that there ever was.
func inVault(vault string, inode int) string { return filepath.Join(vault, strconv.Itoa(inode)) }
