package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/cli"
)

func TestMan(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1582000000")
	root := &cobra.Command{Use: "tool", Short: "Do things", Long: "Tool does things.\n\nIt knows:\n\n  one    two\n.one is not a macro"}
	sub := &cobra.Command{Use: "sub NAME", Short: "Do one thing", Long: "'quoted' first", Example: "  tool sub --to a\\b", Run: func(*cobra.Command, []string) {}}
	sub.Flags().StringArrayP("to", "t", nil, "where `FILE` goes")
	hidden := &cobra.Command{Use: "secret", Hidden: true, Run: func(*cobra.Command, []string) {}}
	root.PersistentFlags().Int("n", 3, "how many")
	root.AddCommand(sub, hidden)
	cli.Prepare(root)
	dir := filepath.Join(t.TempDir(), "man1")
	require.NoError(t, cli.Execute(t.Context(), root, []string{"man", dir}, nil, cli.NewOutput(nil), nil))

	text, err := os.ReadFile(filepath.Join(dir, "tool.1"))
	require.NoError(t, err)
	require.Contains(t, string(text), ".TH \"TOOL\" 1 \"Feb 2020\" \"tool\"\n.SH NAME\ntool \\- Do things\n")
	require.Contains(t, string(text), ".PP\n.EX\n  one    two\n.EE\n\\&.one is not a macro\n")
	require.Contains(t, string(text), ".BR tool\\-completion (1) ,\n.BR tool\\-man (1) ,\n.BR tool\\-sub (1)\n")
	text, err = os.ReadFile(filepath.Join(dir, "tool-sub.1"))
	require.NoError(t, err)
	require.Contains(t, string(text), ".SH DESCRIPTION\n\\&'quoted' first\n")
	require.Contains(t, string(text), "\\fB\\-t\\fP, \\fB\\-\\-to\\fP \\fIFILE\\fP\nwhere FILE goes\n")
	require.Contains(t, string(text), "\\fB\\-\\-n\\fP \\fIint\\fP\nhow many (default 3)\n")
	require.Contains(t, string(text), ".EX\n  tool sub \\-\\-to a\\eb\n.EE\n")
	require.NoFileExists(t, filepath.Join(dir, "tool-secret.1"))

	if _, err := exec.LookPath("groff"); err == nil { // packaging/test formats all pages of the programs.
		out, err := exec.Command("groff", "-man", "-Tutf8", "-ww", "-z", filepath.Join(dir, "tool-sub.1")).CombinedOutput()
		require.NoError(t, err)
		require.Empty(t, string(out))
	}

	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	require.ErrorContains(t, cli.Execute(t.Context(), root, []string{"man", dir}, nil, cli.NewOutput(nil), nil), "want seconds since 1970")
}
