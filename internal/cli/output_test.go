package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/cli"
)

// A script that reads the exit status must not take half of an answer for all of it.
func TestLostOutputIsAnError(t *testing.T) {
	other := errors.New("other")
	for _, test := range []struct{ answer, want error }{{nil, errLost}, {cli.ErrNo, errLost}, {other, other}} {
		root := &cobra.Command{Use: "tool", RunE: func(c *cobra.Command, _ []string) error {
			for range 2 {
				fmt.Fprintln(c.OutOrStdout(), "an answer") // The output remembers the error.
			}
			return test.answer
		}}
		cli.Prepare(root)
		run := func(w io.Writer, args ...string) error {
			return cli.Execute(t.Context(), root, args, nil, cli.NewOutput(w), io.Discard)
		}
		require.ErrorIs(t, run(&losing{}), test.want)
		require.Equal(t, test.answer, run(io.Discard))
		require.ErrorIs(t, run(&losing{}, "--help"), errLost)
	}
}

var errLost = errors.New("no space left")

// losing fails to write the first line.
type losing struct{ bytes.Buffer }

func (w *losing) Write(b []byte) (int, error) {
	if w.Len() == 0 {
		return 0, errors.Join(errLost, w.WriteByte('.'))
	}
	return w.Buffer.Write(b)
}

// A command that is executed gets the file itself, and no pipe.
func TestStream(t *testing.T) {
	require.Same(t, os.Stdout, cli.Stream(cli.NewOutput(cli.NewOutput(os.Stdout))))
	require.Same(t, os.Stdout, cli.Stream(os.Stdout))
}
