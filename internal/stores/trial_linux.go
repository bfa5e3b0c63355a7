package stores

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The names of a file that is renamed and removed at once. They are always the same, so that the next
// trial removes what a killed process left, and stores take them for their own temporary files.
const (
	trialName   = ".leasehold-new.trial"
	renamedName = ".leasehold-old.trial"
)

// A trial takes in a directory what a lease takes, and gives it back: everything is in files
// without names, which vanish when the trial or the process ends.
type trial struct {
	dir   string
	files []*os.File
}

func (t *trial) end() {
	for _, f := range t.files {
		f.Close() // Its content does not matter.
	}
}

// make makes n files, without names if the file system can do that.
func (t *trial) make(n int) error {
	for range n {
		fd, err := openFd(t.dir, unix.O_TMPFILE|unix.O_RDWR)
		// open(2): EISDIR comes from kernels, and EOPNOTSUPP from file systems, that cannot.
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENOENT) {
			if err := t.rename(); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return &fs.PathError{Op: "create a file in", Path: t.dir, Err: err}
		}
		t.files = append(t.files, os.NewFile(uintptr(fd), t.dir))
	}
	return nil
}

// rename makes a file, renames it and removes it. On btrfs a rename needs the most space for
// metadata.
func (t *trial) rename() error {
	name, renamed := filepath.Join(t.dir, trialName), filepath.Join(t.dir, renamedName)
	fd, err := openFd(name, unix.O_CREAT|unix.O_RDWR|unix.O_NOFOLLOW)
	if err != nil {
		return &fs.PathError{Op: "create", Path: name, Err: err}
	}
	t.files = append(t.files, os.NewFile(uintptr(fd), name))
	err = os.Rename(name, renamed)
	if err == nil {
		name = renamed
	}
	if removeErr := os.Remove(name); err == nil {
		err = removeErr
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // Another STATUS has removed it.
	}
	return err
}

func openFd(path string, flag int) (fd int, err error) {
	for {
		fd, err = unix.Open(path, flag|unix.O_CLOEXEC, 0o600)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// allocate makes the file system allocate blocks for one of the files.
func (t *trial) allocate(size int64) error {
	f := t.files[0]
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	for errors.Is(err, unix.EINTR) {
		err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	}
	if err == nil {
		return nil
	}
	if !errors.Is(err, unix.EOPNOTSUPP) {
		return &fs.PathError{Op: "fallocate", Path: f.Name(), Err: err}
	}
	if _, err := f.Write(make([]byte, size)); err != nil {
		return err
	}
	return f.Sync() // A FUSE server allocates the blocks only now.
}
