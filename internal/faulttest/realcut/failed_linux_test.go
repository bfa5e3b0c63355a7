package realcut

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// A btrfs that has failed is read-only although its mount is not, and lists fewer names than it has. What was
// mounted read-only is believed.
func TestFailedBtrfsIsNotBelieved(t *testing.T) {
	d := newDisk(t, btrfs)
	n := faulttest.Network{Dir: filepath.Join(d.dir, "networks"), Backend: config.Files, Size: 6}
	_, err := n.Add("one")
	require.NoError(t, err)

	require.NoError(t, unix.Mount("", d.dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	require.NoError(t, n.Del("another"))
	require.Error(t, n.Del("one"))

	const mountAlone = unix.MS_REMOUNT | unix.MS_BIND
	require.NoError(t, unix.Mount("", d.dir, "", mountAlone, ""))
	require.ErrorContains(t, n.Del("another"), "btrfs has failed and is read-only until it is mounted again")

	require.NoError(t, unix.Mount("", d.dir, "", unix.MS_REMOUNT, ""))
	require.NoError(t, n.Del("one"))
}
