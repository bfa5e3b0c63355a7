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
	// below, if not "", is a directory of the file system that this one stores its files in.
	below string
}

// onDisk calls fn with a tmpfs with these options.
func onDisk(t *testing.T, options string, fn func(disk)) {
	t.Helper()
	d := disk{t: t, dir: filepath.Join(t.TempDir(), "disk")}
	require.NoError(t, os.Mkdir(d.dir, 0o755))
	faulttest.Mount(t, "tmpfs", d.dir, "tmpfs", options)
	defer func() { require.NoError(t, unix.Unmount(d.dir, unix.MNT_DETACH)) }()
	fn(d)
}

// remount changes its options.
func (d disk) remount(flags uintptr, options string) {
	d.t.Helper()
	require.NoError(d.t, unix.Mount("", d.dir, "", unix.MS_REMOUNT|flags, options))
}

// A resource is what a disk can run out of.
type resource struct {
	name     string
	options  func(n int) string // of a disk that has n units of it
	used     func(unix.Statfs_t) int
	takeRest func(disk)
	giveBack func(disk) // more than was taken
}

func resources() []resource {
	return []resource{
		{
			"space", func(n int) string { return fmt.Sprintf("size=%d", n*os.Getpagesize()) },
			func(st unix.Statfs_t) int { return int(st.Blocks - st.Bfree) }, disk.fill, disk.grow,
		},
		{
			"inodes", func(n int) string { return fmt.Sprintf("size=2m,nr_inodes=%d", n) },
			func(st unix.Statfs_t) int { return int(st.Files - st.Ffree) }, disk.strew, disk.grow,
		},
	}
}

func (d disk) grow() { d.remount(0, plenty) }

// leave takes away of a resource all but so much, and what is in use.
func (d disk) leave(r resource, left int) {
	d.t.Helper()
	var st unix.Statfs_t
	require.NoError(d.t, unix.Statfs(d.dir, &st))
	d.remount(0, r.options(max(r.used(st)+left, 1))) // 0 is no limit
}

// following returns the amount that is tried after n: the next one, or, where not
// everything is to be tried, one that is a little greater.
func following(n int) int {
	switch {
	case faulttest.Exhaustive():
		return n + 1
	case testing.Short():
		return n + 1 + n
	}
	return n + 1 + n/3
}

// plenty are the options of a disk that has enough of everything, rubbish or not.
const plenty = "size=16m,nr_inodes=1000"

// junk returns the directory for what is put there to fill the disk. What is written
// through FUSE can stay in memory until it is synced, so it is not written through that.
func (d disk) junk() string { return cmp.Or(d.below, d.dir) }

// fill fills the disk to its last byte.
func (d disk) fill() {
	d.t.Helper()
	f, err := os.Create(filepath.Join(d.junk(), "rubbish"))
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

// strew makes empty files until there can be no more.
func (d disk) strew() {
	d.t.Helper()
	var err error
	for i := 0; err == nil; i++ {
		err = os.WriteFile(filepath.Join(d.junk(), fmt.Sprint("rubbish", i)), nil, 0o600)
	}
	require.ErrorIs(d.t, err, unix.ENOSPC)
}

// clutter makes symbolic links, which are metadata alone, until there can be no more.
func (d disk) clutter() {
	d.t.Helper()
	for _, length := range []int{3900, 100, 1} {
		dir := filepath.Join(d.junk(), fmt.Sprint("rubbish", length))
		err := os.Mkdir(dir, 0o700)
		for i := 0; err == nil; i++ {
			err = os.Symlink(strings.Repeat("x", length), filepath.Join(dir, fmt.Sprint(i)))
		}
		require.ErrorIs(d.t, err, unix.ENOSPC)
	}
	d.sync()
}

// clear removes what was put there to fill it.
func (d disk) clear() {
	d.t.Helper()
	rubbish, err := filepath.Glob(filepath.Join(d.junk(), "rubbish*"))
	require.NoError(d.t, err)
	for _, path := range rubbish {
		_ = os.Truncate(path, 0) // What is removed xfs frees later. A full btrfs can only remove.
		require.NoError(d.t, os.RemoveAll(path))
	}
	d.sync() // What is removed btrfs frees with its next transaction.
}

// sync writes all of the disk out, and of no other, which tests of power cuts can be about.
func (d disk) sync() {
	d.t.Helper()
	f, err := os.Open(d.junk())
	require.NoError(d.t, err)
	defer f.Close()
	require.NoError(d.t, unix.Syncfs(int(f.Fd())))
}

// network returns a network on the disk, of which not even the data directory is there.
func (d disk) network(store string, dual bool, size int) faulttest.Network {
	return faulttest.Network{Dir: filepath.Join(d.dir, "networks"), Backend: store, Dual: dual, Size: size}
}

// everyNetwork calls fn for both stores, of one family and of two. Where time is short,
// it is one each.
func everyNetwork(t *testing.T, fn func(t *testing.T, store string, dual bool)) {
	for _, store := range []string{config.Files, config.Bolt} {
		for _, dual := range []bool{false, true} {
			if testing.Short() && dual != (store == config.Bolt) {
				continue
			}
			t.Run(fmt.Sprintf("%s dual=%t", store, dual), func(t *testing.T) { fn(t, store, dual) })
		}
	}
}
