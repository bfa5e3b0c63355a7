package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/cli"
)

func TestWidest(t *testing.T) {
	require.Zero(t, cli.Widest(""))
	require.Equal(t, 5, cli.Widest("äh\nähäh5\n-"))
	require.Equal(t, 3, cli.Widest("a\nabc"))
}

func TestShorten(t *testing.T) {
	const pod = "kube-system/coredns-76f75df574-ähcd1"
	require.Equal(t, pod, cli.Shorten(pod, 36))
	require.Equal(t, "kube-system/co…75df574-ähcd1", cli.Shorten(pod, 28))
	require.Equal(t, "k…", cli.Shorten(pod, 2))
	require.Equal(t, "…", cli.Shorten(pod, 1))
}

func TestNotATerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer f.Close()
	for _, stream := range []any{f, new(bytes.Buffer), nil} {
		require.False(t, cli.IsTerminal(stream))
		require.Zero(t, cli.Width(stream))
	}
}
