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

// A place is where a data directory can be: on a file system in an image, or on another
// one above it.
type place struct {
	name  string
	kind  string
	size  int64
	mkfs  []string
	mount []string // options
	above func(t *testing.T, image faulttest.Image, dir string) string
}

const (
	mib      = 1 << 20
	minBtrfs = 128 * mib // mkfs.btrfs(8): smaller ones have data and metadata mixed
)

// places are those of which statfs(2) says that there is space where there is none, or that
// need space to write what has some.
func places() []place {
	return []place{
		{"ext4 with reserved clusters", "ext4", 64 * mib, nil, nil, nil},
		{"btrfs", "btrfs", minBtrfs, nil, nil, nil},
		{"btrfs that compresses", "btrfs", minBtrfs, nil, []string{"compress-force=zstd"}, nil},
		{"btrfs with data and metadata mixed", "btrfs", 64 * mib, []string{"-M"}, nil, nil},
		{"overlayfs on ext4", "ext4", 64 * mib, nil, nil, overlay},
		{"overlayfs on btrfs", "btrfs", minBtrfs, nil, nil, overlay},
		{"bindfs on ext4", "ext4", 64 * mib, nil, nil, bindfs},
		{"bindfs on btrfs", "btrfs", minBtrfs, nil, nil, bindfs},
		{"fuse-overlayfs on ext4", "ext4", 64 * mib, nil, nil, fuseOverlayfs},
		{"fuse2fs", "ext4", 64 * mib, nil, nil, fuse2fs},
	}
}

// on calls fn with the place.
func (p place) on(t *testing.T, fn func(disk)) {
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
			_ = unix.Unmount(dir, unix.MNT_DETACH) // The two can be one.
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

// fuse2fs is not above a mounted ext4, but reads the image by itself.
func fuse2fs(t *testing.T, image faulttest.Image, below string) string {
	faulttest.RequirePrograms(t, "fuse2fs")
	require.NoError(t, unix.Unmount(below, 0))
	faulttest.Run(t, "fuse2fs", image.Path, below, "-o", "rw,fakeroot")
	return below
}

// What STATUS says there is true, and each DEL works.
func TestPlacesWithoutSpace(t *testing.T) {
	full := resource{takeRest: disk.fill, giveBack: disk.clear}
	for _, p := range places() {
		t.Run(p.name, func(t *testing.T) { p.runOut(t, full) })
	}
}

// A btrfs without room for metadata has space that no file can get.
func TestBtrfsWithoutRoomForMetadata(t *testing.T) {
	full := resource{takeRest: disk.clutter, giveBack: disk.clear}
	places()[1].on(t, func(d disk) {
		for _, store := range []string{config.Files, config.Bolt} {
			t.Run(store, func(t *testing.T) {
				d := disk{t, d.dir, d.below}
				require.NoError(t, os.RemoveAll(d.network(store, true, 0).Dir))
				runOut(d, d.network(store, true, 6), full, 3, 1)
			})
		}
	})
}

func (p place) runOut(t *testing.T, r resource) {
	p.on(t, func(d disk) {
		everyNetwork(t, func(t *testing.T, store string, dual bool) {
			d := disk{t, d.dir, d.below}
			require.NoError(t, os.RemoveAll(d.network(store, dual, 0).Dir))
			runOut(d, d.network(store, dual, 6), r, 3, 1)
		})
	})
}

// A store that btrfs copies on write, or that is in a snapshot, takes the spare file.
func TestDelOnFullBtrfsThatCopies(t *testing.T) {
	for name, share := range map[string]func(disk, faulttest.Network){
		"made by an earlier version": disk.copyStore,
		"in a snapshot":              disk.snapshot,
	} {
		t.Run(name, func(t *testing.T) {
			places()[1].on(t, func(d disk) {
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

// copyStore puts a file in the place of the store that btrfs may copy on write.
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

// The snapshot has the spare file as well, so that to remove it frees nothing. DEL then says
// so, and STATUS did before.
func TestDelOnFullBtrfsAfterASnapshot(t *testing.T) {
	places()[1].on(t, func(d disk) {
		n := d.network(config.Bolt, true, 20)
		held := lease(t, n, 5)
		d.snapshot(n)
		d.fill()
		requireStatusSaysSo(d, n)
		err := n.Del("c0")
		requireError(t, err, 5, n.Path(), "no space left to release a lease", "no space left on device")
		d.clear()
		requireHeld(t, n, held)
		release(t, n, held, 1)
		require.NoError(t, n.Exercise(t.Context()))
	})
}
