package exchange

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/internal/durable"
	"github.com/leasehold/leasehold/internal/owner"
)

// copyTree copies a directory durably, with modes and times, because the time of a lease file
// is the time of the lease.
func copyTree(from, to string) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer root.Close() // It was only read.
	var dirs []string
	err = fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(to, name))
		}
		return copyEntry(root, name, e, filepath.Join(to, name))
	})
	for _, dir := range dirs {
		if err == nil {
			err = durable.SyncDir(dir)
		}
	}
	return err
}

func copyEntry(root *os.Root, name string, e fs.DirEntry, to string) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	switch {
	case e.IsDir():
		return owner.Mkdir(to, info.Mode().Perm())
	case e.Type() == fs.ModeSymlink:
		target, err := root.Readlink(name)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case e.Type().IsRegular():
		return copyFile(root, name, info, to)
	}
	return fmt.Errorf("%s: it is neither a file nor a directory, and cannot be copied; remove it", filepath.Join(root.Name(), name))
}

func copyFile(root *os.Root, name string, info fs.FileInfo, to string) error {
	in, err := root.Open(name)
	if err != nil {
		return err
	}
	defer in.Close() // It was only read.
	out, err := owner.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = errors.Join(out.Chmod(info.Mode()), os.Chtimes(to, info.ModTime(), info.ModTime()), out.Sync())
	}
	return errors.Join(err, out.Close())
}
