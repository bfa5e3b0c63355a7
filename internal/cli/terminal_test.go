package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/shell"
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

// A quoted word stays one word when its control characters are printed as escapes.
func TestPrintableQuotedWord(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	for _, word := range []string{"a\n'; echo b; '", "\x1b'$(date)'\\'", "\xff' `date` '", "\u202e\"'$HOME\\"} {
		out, err := exec.Command(sh, "-c", "printf '<%s>' "+cli.Printable(shell.Quote(word))).Output()
		require.NoError(t, err)
		require.Equal(t, "<"+cli.Printable(word)+">", string(out))
	}
}
