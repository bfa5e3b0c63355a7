package shell_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/shell"
)

func TestQuote(t *testing.T) {
	require.Equal(t, "/var/lib/cni/networks", shell.Quote("/var/lib/cni/networks"))
	require.Equal(t, "'a b'", shell.Quote("a b"))
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	for _, word := range []string{"", "a b", "it's", "$(date)", "`date`", "a;b", "~", "*", `\`, "a\nb", "'", "--x=y", "#", "ä", `"`, "!"} {
		out, err := exec.Command(sh, "-c", "printf %s "+shell.Quote(word)).Output()
		require.NoError(t, err)
		require.Equal(t, word, string(out))
	}
}
