package disk

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A spare file that is too short, after a kill or an operator's doing, is made again.
func TestMakeSpare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spare")
	require.False(t, isSpare(path))
	MakeSpare(path)
	require.True(t, isSpare(path))
	require.NoError(t, os.Truncate(path, spareSize-1))
	require.False(t, isSpare(path))
	MakeSpare(path)
	require.True(t, isSpare(path))
}
