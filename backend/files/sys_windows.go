package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// Windows has no flag against following a link, so each function checks the file first. Where the
// directory can be, only administrators can make links.

func (d *dir) open(name string, flag int, perm uint32) (*os.File, error) {
	if i, err := d.stat(name); err == nil && !i.mode.IsRegular() {
		return nil, d.fail("open", name, foreignKind(i.mode))
	}
	f, err := d.root.OpenFile(name, flag, fs.FileMode(perm).Perm())
	return f, d.fail("open", name, err)
}

func (d *dir) stat(name string) (info, error) {
	i, err := d.root.Lstat(name)
	if err != nil {
		return info{}, d.fail("stat", name, err)
	}
	// Windows has no ctime.
	return info{mode: i.Mode().Type(), modified: i.ModTime(), changed: i.ModTime()}, nil
}

// read returns the content of a regular file. Anything else, or a file longer than limit, gives
// a foreignError.
func (d *dir) read(name string, _ []byte, limit int64) ([]byte, info, error) {
	i, err := d.stat(name)
	if err != nil {
		return nil, info{}, err
	}
	if err := i.readable(0, limit); err != nil {
		return nil, i, d.fail("read", name, err)
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, i, d.fail("open", name, err)
	}
	defer f.Close() // It was only read.
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, i, d.fail("read", name, err)
	}
	return content, i, d.fail("read", name, i.readable(int64(len(content)), limit))
}

func (d *dir) setTimes(name string, t time.Time) error { return d.root.Chtimes(name, t, t) }

// inode is zero: a file is identified by its time and content alone.
func inode(fs.FileInfo) uint64 { return 0 }

func isNoSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
