package nospace

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

func TestMain(m *testing.M) { os.Exit(faulttest.MainWithMounts(m)) }

// A disk is a small file system.
type disk struct {
	t   *testing.T
	dir string
	// below, if not "", is a directory on the file system that stores this one's files.
	below string
}

// onTmpfs calls fn with a tmpfs with these options.
func onTmpfs(t *testing.T, options string, fn func(disk)) {
	t.Helper()
	d := disk{t: t, dir: filepath.Join(t.TempDir(), "disk")}
	require.NoError(t, os.Mkdir(d.dir, 0o755))
	faulttest.Mount(t, "tmpfs", d.dir, "tmpfs", options)
	defer func() { require.NoError(t, unix.Unmount(d.dir, unix.MNT_DETACH)) }()
	fn(d)
}

// remount changes the mount options.
func (d disk) remount(flags uintptr, options string) {
	d.t.Helper()
	require.NoError(d.t, unix.Mount("", d.dir, "", unix.MS_REMOUNT|flags, options))
}

// A resource is something that a disk can run out of.
type resource struct {
	name    string
	options func(n int) string // mount options for n units
	used    func(unix.Statfs_t) int
	exhaust func(disk)
	restore func(disk) // afterwards there is more than before
}

func resources() []resource {
	return []resource{
		{
			"space", func(n int) string { return fmt.Sprintf("size=%d", n*os.Getpagesize()) },
			func(st unix.Statfs_t) int { return int(st.Blocks - st.Bfree) }, disk.fill, disk.grow,
		},
		{
			"inodes", func(n int) string { return fmt.Sprintf("size=2m,nr_inodes=%d", n) },
			func(st unix.Statfs_t) int { return int(st.Files - st.Ffree) }, disk.fillInodes, disk.grow,
		},
	}
}

func (d disk) grow() { d.remount(0, plenty) }

// leave limits a resource to what is in use plus left.
func (d disk) leave(r resource, left int) {
	d.t.Helper()
	var st unix.Statfs_t
	require.NoError(d.t, unix.Statfs(d.dir, &st))
	d.remount(0, r.options(max(r.used(st)+left, 1))) // 0 would mean no limit
}

// nextAmount returns the amount to try after n: the next one, or in a quick run a somewhat
// larger one.
func nextAmount(n int) int {
	switch {
	case faulttest.Exhaustive():
		return n + 1
	case testing.Short():
		return n + 1 + n
	}
	return n + 1 + n/3
}

// plenty are mount options with enough of everything.
const plenty = "size=16m,nr_inodes=1000"

// fillDir returns the directory for the files that fill the disk. It is below FUSE, because
// data written through FUSE can stay in memory until it is synced.
func (d disk) fillDir() string { return cmp.Or(d.below, d.dir) }

// fill fills the disk to the last byte.
func (d disk) fill() {
	d.t.Helper()
	f, err := os.Create(filepath.Join(d.fillDir(), "rubbish"))
	require.NoError(d.t, err)
	defer f.Close()
	at := int64(0)
	for _, size := range []int64{16 << 20, 1 << 20, 64 << 10} {
		for unix.Fallocate(int(f.Fd()), 0, at, size) == nil {
			at += size
		}
	}
	_, err = f.Seek(at, io.SeekStart)
	require.NoError(d.t, err)
	for _, size := range []int{4096, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		require.ErrorIs(d.t, err, unix.ENOSPC)
	}
	require.NoError(d.t, f.Sync())
}

// fillInodes creates empty files until there are no inodes left.
func (d disk) fillInodes() {
	d.t.Helper()
	var err error
	for i := 0; err == nil; i++ {
		err = os.WriteFile(filepath.Join(d.fillDir(), fmt.Sprint("rubbish", i)), nil, 0o600)
	}
	require.ErrorIs(d.t, err, unix.ENOSPC)
}

// fillMetadata creates symbolic links, which need only metadata, until there is no space
// left for them.
func (d disk) fillMetadata() {
	d.t.Helper()
	for _, length := range []int{3900, 100, 1} {
		dir := filepath.Join(d.fillDir(), fmt.Sprint("rubbish", length))
		err := os.Mkdir(dir, 0o700)
		for i := 0; err == nil; i++ {
			err = os.Symlink(strings.Repeat("x", length), filepath.Join(dir, fmt.Sprint(i)))
		}
		require.ErrorIs(d.t, err, unix.ENOSPC)
	}
	d.sync()
}

// clear removes the files that fill the disk.
func (d disk) clear() {
	d.t.Helper()
	rubbish, err := filepath.Glob(filepath.Join(d.fillDir(), "rubbish*"))
	require.NoError(d.t, err)
	for _, path := range rubbish {
		_ = os.Truncate(path, 0) // xfs frees a removed file later. A full btrfs cannot truncate, so errors are expected.
		require.NoError(d.t, os.RemoveAll(path))
	}
	d.sync() // btrfs frees the space with its next transaction.
}

// sync syncs this disk and no other: a global sync would disturb concurrent power-cut
// tests.
func (d disk) sync() {
	d.t.Helper()
	f, err := os.Open(d.fillDir())
	require.NoError(d.t, err)
	defer f.Close()
	require.NoError(d.t, unix.Syncfs(int(f.Fd())))
}

// network returns a network on the disk. Its data directory does not exist.
func (d disk) network(store string, dual bool, size int) faulttest.Network {
	return faulttest.Network{Dir: filepath.Join(d.dir, "networks"), Backend: store, Dual: dual, Size: size}
}

// forEachStore calls fn for both stores in single and dual stack; with -short for one stack
// each.
func forEachStore(t *testing.T, fn func(t *testing.T, store string, dual bool)) {
	for _, store := range []string{config.Files, config.Bolt} {
		for _, dual := range []bool{false, true} {
			if testing.Short() && dual != (store == config.Bolt) {
				continue
			}
			t.Run(fmt.Sprintf("%s dual=%t", store, dual), func(t *testing.T) { fn(t, store, dual) })
		}
	}
}
