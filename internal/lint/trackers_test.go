package lint_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/lint"
	"github.com/leasehold/leasehold/internal/lint/linttest"
	"github.com/leasehold/leasehold/internal/netconf"
)

// findings returns all findings as one text, and whether all are notes.
func findings(n netconf.Node, host ...lint.HostAddr) (text string, note bool) {
	note = len(n.Problems) == 0
	for _, p := range n.Problems {
		text += p.Error() + "\n"
	}
	for _, f := range lint.Node(n, host) {
		text += f.String() + "\n"
		note = note && f.Note
	}
	return text, note
}

// node reads a case as a file in the directory of a node or, if it is a definition, as a
// text.
func node(t *testing.T, c linttest.Case) netconf.Node {
	if strings.HasSuffix(c.File, ".yaml") {
		return netconf.Inspect(c.File, []byte(c.Text))
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, c.File), []byte(c.Text), 0o600))
	if c.Beside != "" {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "beside.conf"), []byte(c.Beside), 0o600))
	}
	n, err := netconf.Read(dir)
	require.NoError(t, err)
	return n
}

func TestTrackers(t *testing.T) {
	require.GreaterOrEqual(t, len(linttest.Trackers()), 20)
	for _, c := range linttest.Trackers() {
		t.Run(c.Name(), func(t *testing.T) {
			text, note := findings(node(t, c))
			for _, want := range c.Wants {
				require.Contains(t, text, want)
			}
			require.Equal(t, c.Note, note, text)
		})
	}
}
