package nospace

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// A fileSystem is one in an image, or another one that is mounted above it.
type fileSystem struct {
	name  string
	kind  string
	size  int64
	mkfs  []string
	mount []string // options
	above func(t *testing.T, image faulttest.Image, dir string) string
}

const (
	mib      = 1 << 20
	minBtrfs = 128 * mib // mkfs.btrfs(8): smaller ones have mixed block groups
)

// fileSystems lists file systems whose statfs(2) reports free space on a full disk, or
// that need space to overwrite data.
func fileSystems() []fileSystem {
	return []fileSystem{
		{"ext4 with reserved clusters", "ext4", 64 * mib, nil, nil, nil},
		{"btrfs", "btrfs", minBtrfs, nil, nil, nil},
		{"btrfs with compression", "btrfs", minBtrfs, nil, []string{"compress-force=zstd"}, nil},
		{"btrfs with mixed block groups", "btrfs", 64 * mib, []string{"-M"}, nil, nil},
		{"overlayfs on ext4", "ext4", 64 * mib, nil, nil, overlay},
		{"overlayfs on btrfs", "btrfs", minBtrfs, nil, nil, overlay},
		{"bindfs on ext4", "ext4", 64 * mib, nil, nil, bindfs},
		{"bindfs on btrfs", "btrfs", minBtrfs, nil, nil, bindfs},
		{"fuse-overlayfs on ext4", "ext4", 64 * mib, nil, nil, fuseOverlayfs},
		{"fuse2fs", "ext4", 64 * mib, nil, nil, fuse2fs},
	}
}

// on calls fn with the file system mounted.
func (p fileSystem) on(t *testing.T, fn func(disk)) {
	t.Helper()
	image := faulttest.NewImage(t, p.kind, p.size, p.mkfs...)
	below := t.TempDir()
	image.Mount(t, below, p.mount...)
	d := disk{t: t, dir: below}
	if p.above != nil {
		d.dir, d.below = p.above(t, image, below), below
	}
	defer func() {
		for _, dir := range []string{d.dir, below} {
			_ = unix.Unmount(dir, unix.MNT_DETACH) // Fails the second time if they are the same.
		}
	}()
	fn(d)
}

func overlay(t *testing.T, _ faulttest.Image, below string) string {
	dir := t.TempDir()
	faulttest.Mount(t, "overlay", dir, "overlay", layers(t, below))
	return dir
}

func layers(t *testing.T, below string) (options string) {
	for option, name := range map[string]string{"lowerdir": "lower", "upperdir": "upper", "workdir": "work"} {
		dir := filepath.Join(below, name)
		require.NoError(t, os.Mkdir(dir, 0o755))
		if options != "" {
			options += ","
		}
		options += option + "=" + dir
	}
	return options
}

func bindfs(t *testing.T, _ faulttest.Image, below string) string {
	faulttest.RequirePrograms(t, "bindfs")
	dir := t.TempDir()
	faulttest.Run(t, "bindfs", below, dir)
	return dir
}

func fuseOverlayfs(t *testing.T, _ faulttest.Image, below string) string {
	faulttest.RequirePrograms(t, "fuse-overlayfs")
	dir := t.TempDir()
	faulttest.Run(t, "fuse-overlayfs", "-o", layers(t, below), dir)
	return dir
}

// fuse2fs mounts the image itself, so the ext4 below is unmounted.
func fuse2fs(t *testing.T, image faulttest.Image, below string) string {
	faulttest.RequirePrograms(t, "fuse2fs")
	require.NoError(t, unix.Unmount(below, 0))
	faulttest.Run(t, "fuse2fs", image.Path, below, "-o", "rw,fakeroot")
	return below
}

// STATUS reports a full file system correctly, and every DEL works.
func TestFullFileSystems(t *testing.T) {
	full := resource{exhaust: disk.fill, restore: disk.clear}
	for _, p := range fileSystems() {
		t.Run(p.name, func(t *testing.T) { p.runOut(t, full) })
	}
}

// A btrfs without room for metadata has free space that no file can use.
func TestBtrfsWithoutRoomForMetadata(t *testing.T) {
	full := resource{exhaust: disk.fillMetadata, restore: disk.clear}
	fileSystems()[1].on(t, func(d disk) {
		for _, store := range []string{config.Files, config.Bolt} {
			t.Run(store, func(t *testing.T) {
				d := disk{t, d.dir, d.below}
				require.NoError(t, os.RemoveAll(d.network(store, true, 0).Dir))
				runOut(d, d.network(store, true, 6), full, 3, 1)
			})
		}
	})
}

func (p fileSystem) runOut(t *testing.T, r resource) {
	p.on(t, func(d disk) {
		forEachStore(t, func(t *testing.T, store string, dual bool) {
			d := disk{t, d.dir, d.below}
			require.NoError(t, os.RemoveAll(d.network(store, dual, 0).Dir))
			runOut(d, d.network(store, dual, 6), r, 3, 1)
		})
	})
}

// If btrfs copies the store on write, or it is in a snapshot, DEL uses the space of the
// spare file.
func TestDelOnFullBtrfsThatCopies(t *testing.T) {
	for name, share := range map[string]func(disk, faulttest.Network){
		"created by an earlier version": disk.copyStore,
		"in a snapshot":                 disk.snapshot,
	} {
		t.Run(name, func(t *testing.T) {
			fileSystems()[1].on(t, func(d disk) {
				n := d.network(config.Bolt, true, 20)
				lease(t, n, 5)
				share(d, n)
				held := lease(t, n, 6)
				d.fill()
				release(t, n, held, 1)
				requireHeld(t, n, nil)
				d.clear()
				require.NoError(t, n.Exercise(t.Context()))
			})
		})
	}
}

// copyStore replaces the store by a copy, which btrfs copies on write.
func (d disk) copyStore(n faulttest.Network) {
	text, err := os.ReadFile(n.Path())
	require.NoError(d.t, err)
	require.NoError(d.t, os.WriteFile(n.Path()+".copy", text, 0o600))
	require.NoError(d.t, os.Rename(n.Path()+".copy", n.Path()))
}

func (d disk) snapshot(faulttest.Network) {
	d.sync()
	faulttest.Run(d.t, "btrfs", "subvolume", "snapshot", d.dir, filepath.Join(d.dir, "snapshot"))
}

// The snapshot also holds the spare file, so removing that frees nothing. DEL then fails
// with a clear error, and STATUS has failed before.
func TestDelOnFullBtrfsAfterASnapshot(t *testing.T) {
	fileSystems()[1].on(t, func(d disk) {
		n := d.network(config.Bolt, true, 20)
		held := lease(t, n, 5)
		d.snapshot(n)
		d.fill()
		requireStatusFails(d, n)
		err := n.Del("c0")
		requireError(t, err, 5, n.Path(), "no space left to release a lease", "no space left on device")
		d.clear()
		requireHeld(t, n, held)
		release(t, n, held, 1)
		require.NoError(t, n.Exercise(t.Context()))
	})
}
