package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/cli"
)

func TestFit(t *testing.T) {
	const text = "NAME   POD\nähäh   default/web\nshort  -\n"
	require.Equal(t, text, cli.Fit(text, 0))
	require.Equal(t, text, cli.Fit(text, 18))
	require.Equal(t, "NAME   POD\nähäh   de…\nshort  -\n", cli.Fit(text, 10))
	require.Equal(t, "NAME…\nähäh…\nshort…\n", cli.Fit(text, 7))
	require.Equal(t, "…\n…\n…\n", cli.Fit(text, 1))
}

func TestWhatIsNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer f.Close()
	for _, stream := range []any{f, new(bytes.Buffer), nil} {
		require.False(t, cli.IsTerminal(stream))
		require.Zero(t, cli.Width(stream))
	}
}
