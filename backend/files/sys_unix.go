//go:build unix

package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/owner"
)

// These calls replace functions of package os that follow symbolic links, wait for FIFOs or cost
// too much.

// safeFlags keep open(2) from following a symbolic link, and from waiting for the writer of a FIFO.
const safeFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC

func (d *dir) fd() int { return int(d.self.Fd()) }

func (d *dir) open(name string, flag int, perm uint32) (*os.File, error) {
	var to owner.Owner
	if flag&os.O_CREATE != 0 {
		to = owner.In(d.path)
	}
	fd, err := d.openAs(to, name, flag, perm)
	if err != nil {
		return nil, d.fail("open", name, err)
	}
	f := os.NewFile(uintptr(fd), filepath.Join(d.path, name))
	if err := to.Give(fd); err != nil {
		return nil, d.fail("chown", name, errors.Join(err, f.Close()))
	}
	return f, nil
}

// openAs opens a file, which belongs to the owner if it is new.
func (d *dir) openAs(to owner.Owner, name string, flag int, perm uint32) (fd int, err error) {
	err = to.As(func() (err error) {
		fd, err = retry(func() (int, error) { return unix.Openat(d.fd(), name, flag|safeFlags, perm) })
		return err
	})
	return fd, err
}

func (d *dir) stat(name string) (info, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd(), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return info{}, d.fail("stat", name, err)
	}
	return newInfo(&st), nil
}

// read returns the content of a regular file, in buf if it fits. Anything else, or a file
// longer than limit, gives a foreignError.
func (d *dir) read(name string, buf []byte, limit int64) ([]byte, info, error) {
	fd, err := retry(func() (int, error) { return unix.Openat(d.fd(), name, unix.O_RDONLY|safeFlags, 0) })
	if err != nil {
		return nil, info{}, d.cannotOpen(name, err)
	}
	defer unix.Close(fd) // It was only read.
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, info{}, d.fail("stat", name, err)
	}
	i := newInfo(&st)
	if err := i.readable(st.Size, limit); err != nil {
		return nil, i, d.fail("read", name, err)
	}
	if st.Size > int64(len(buf)) {
		buf = make([]byte, st.Size)
	}
	n, err := readFull(fd, buf[:st.Size])
	return buf[:n], i, d.fail("read", name, err)
}

// cannotOpen returns a foreignError if the file cannot be opened because it is a symbolic link
// or a socket.
func (d *dir) cannotOpen(name string, err error) error {
	if errors.Is(err, unix.ENOENT) {
		return d.fail("open", name, err)
	}
	if i, statErr := d.stat(name); statErr == nil && !i.mode.IsRegular() {
		err = foreignKind(i.mode)
	}
	return d.fail("open", name, err)
}

func readFull(fd int, buf []byte) (n int, err error) {
	for n < len(buf) {
		got, err := retry(func() (int, error) { return unix.Read(fd, buf[n:]) })
		if err != nil || got == 0 {
			return n, err
		}
		n += got
	}
	return n, nil
}

func retry(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// setTimes sets both times of a file that this process has made: some file systems, asked to
// set one, set it to the present.
func (d *dir) setTimes(name string, t time.Time) error {
	modified, err := unix.TimeToTimespec(t)
	if err != nil {
		return err
	}
	return unix.UtimesNanoAt(d.fd(), name, []unix.Timespec{modified, modified}, unix.AT_SYMLINK_NOFOLLOW)
}

func newInfo(st *unix.Stat_t) info {
	return info{
		mode:     fileMode(uint32(st.Mode)),
		modified: time.Unix(st.Mtim.Unix()),
		changed:  time.Unix(st.Ctim.Unix()),
		inode:    st.Ino,
		earlier:  uint32(st.Mode)&unix.S_ISVTX != 0,
	}
}

// fileMode returns the type in a mode of stat(2), without permissions.
func fileMode(mode uint32) fs.FileMode {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return 0
	case unix.S_IFDIR:
		return fs.ModeDir
	case unix.S_IFLNK:
		return fs.ModeSymlink
	case unix.S_IFIFO:
		return fs.ModeNamedPipe
	case unix.S_IFSOCK:
		return fs.ModeSocket
	case unix.S_IFBLK, unix.S_IFCHR:
		return fs.ModeDevice
	}
	return fs.ModeIrregular
}

func inode(i fs.FileInfo) uint64 {
	if st, ok := i.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino)
	}
	return 0
}

func isNoSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}
