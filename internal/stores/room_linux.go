package stores

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/backend"
)

// The most that the first lease of a network takes, in either store.
const (
	minBytes = 512 << 10
	minFiles = 16
)

// minTrusted is how many bytes must be available if the figures of the file system are not
// trusted. On btrfs they are estimates, which can be far off while its metadata is full, and
// behind overlayfs and FUSE there can be any file system.
const minTrusted = 1 << 30

// room returns [backend.ErrNoSpace] if the file system of path may have no room for another
// lease. A store that needs less than the maximum is near its end, too.
//
// statfs(2) alone cannot tell. Some of the blocks that it calls free are reserved: for root,
// which the plugin mostly is, or for no user at all, as the reserved clusters of ext4 are. And
// btrfs cannot use everything that it calls available. So near the limit a trial decides. A
// file system that is not near the limit is not written to, because a kubelet asks for STATUS
// every 5 s.
func room(path string) error {
	if err := withinLimit(path); err != nil {
		return err
	}
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil || hasPlenty(st) {
		return nil // If it is not known, ADD will find out.
	}
	err := tryRoom(path, st)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%s: %w: %w", path, backend.ErrNoSpace, err)
	}
	return err
}

// hasPlenty reports whether the figures of a file system leave no doubt.
func hasPlenty(st unix.Statfs_t) bool {
	least := uint64(minTrusted)
	if trusted(st) {
		least = minBytes
	}
	// A file system that does not count reports zero of zero.
	space := st.Blocks == 0 || available(st) >= least
	return space && (st.Files == 0 || st.Ffree >= minFiles)
}

// trusted reports whether the file system can use everything that it calls available.
func trusted(st unix.Statfs_t) bool {
	return st.Type == unix.EXT4_SUPER_MAGIC || st.Type == unix.XFS_SUPER_MAGIC || st.Type == unix.TMPFS_MAGIC
}

// available returns how many bytes an unprivileged process can still write. The unit is the
// fragment, which can be smaller than the block on FUSE and NFS.
func available(st unix.Statfs_t) uint64 {
	unit := st.Frsize
	if unit == 0 {
		unit = st.Bsize
	}
	return st.Bavail * uint64(unit)
}

// tryRoom takes as much as a lease takes, where the store at path makes its files, and gives it
// back.
func tryRoom(path string, st unix.Statfs_t) error {
	dir, err := dirOf(path)
	if err != nil {
		return err
	}
	var at unix.Statfs_t
	if err := unix.Statfs(dir, &at); err != nil {
		return err
	}
	if at.Type == st.Type && at.Fsid == st.Fsid {
		err := takeRoom(dir, trusted(st))
		if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, unix.EROFS) {
			return err
		}
	}
	// A bolt file can be mounted by itself, or be writable where its directory is not.
	if available(st) < minBytes {
		return unix.ENOSPC
	}
	return nil
}

// dirOf returns path if it is a directory, and otherwise the directory that contains it.
func dirOf(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return path, err
	}
	return filepath.Dir(path), nil
}

// takeRoom takes in dir what a lease takes, and gives it back.
func takeRoom(dir string, trusted bool) error {
	t := &trial{dir: dir}
	defer t.end()
	if !trusted {
		if err := t.rename(); err != nil {
			return err
		}
	}
	if err := t.make(minFiles); err != nil {
		return err
	}
	return t.allocate(minBytes)
}

// withinLimit returns an error if this process may not make files as large as a store can
// become with the next lease (RLIMIT_FSIZE, setrlimit(2)).
func withinLimit(path string) error {
	var limit unix.Rlimit
	info, err := os.Stat(path)
	if err != nil || unix.Getrlimit(unix.RLIMIT_FSIZE, &limit) != nil {
		return nil // ADD will find out.
	}
	need := uint64(os.Getpagesize()) // a lease file, or its journal
	if info.Mode().IsRegular() {
		need = uint64(info.Size()) + minBytes
	}
	if limit.Cur < need {
		return &fs.PathError{Op: "write", Path: path, Err: unix.EFBIG}
	}
	return nil
}
