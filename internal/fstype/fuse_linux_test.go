package fstype_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/fstype"
)

func TestMain(m *testing.M) { os.Exit(faulttest.MainWithMounts(m)) }

func TestFUSE(t *testing.T) {
	dir := t.TempDir()
	require.False(t, fstype.FUSE(dir))
	require.False(t, fstype.FUSE(filepath.Join(dir, "not", "there", "yet")))
	require.False(t, fstype.FUSE("/proc"))
	mounted := filepath.Join(t.TempDir(), "mounted")
	require.NoError(t, os.Mkdir(mounted, 0o755))
	faulttest.Bindfs(t, dir, mounted)
	require.True(t, fstype.FUSE(mounted))
	require.True(t, fstype.FUSE(filepath.Join(mounted, "not", "there", "yet")))
	require.False(t, fstype.FUSE(dir))
}
