package clustercli_test

import (
	"io"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/clustercli"
)

// parse parses a command line.
func parse(args ...string) (call clustercli.Call, line []string, err error) {
	root := &cobra.Command{Use: "cluster", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(clustercli.Commands(func(c *cobra.Command, parsed clustercli.Call) error {
		call, line = parsed, clustercli.Line(c, parsed.Args, "json")
		return nil
	})...)
	root.SetArgs(args)
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	err = root.Execute()
	return call, line, err
}

// What one program parses, the other parses again.
func TestLine(t *testing.T) {
	for _, args := range [][]string{
		{"init", "pods", "--block-size", "16", "--adopt"},
		{"spaces", "dc1"},
		{"who", "pods", "10.0.0.1"},
		{"give-back", "--keep", "2", "pods"},
		{"evict", "pods", "--", "--fenced"},
		{"evict", "pods", "a", "--dry-run"},
		{"rejoin", "pods", "--drop"},
		{"recover", "pods", "--done=false"},
		{"verify", "--local", "pods"},
		{"reserve", "pods", "objects.json", "--from", "whereabouts", "--as", "old"},
	} {
		call, line, err := parse(args...)
		require.NoError(t, err)
		require.Equal(t, args[0], call.Command)
		require.Contains(t, line, "--output=json")
		i := 0
		for line[i] != "--output=json" {
			i++
		}
		again, _, err := parse(append(line[:i:i], line[i+1:]...)...)
		require.NoError(t, err)
		require.Equal(t, call, again)
	}
}

func TestCall(t *testing.T) {
	call, _, err := parse("evict", "pods", "a", "--fenced")
	require.NoError(t, err)
	require.Equal(t, clustercli.Call{Command: clustercli.Evict, Args: []string{"pods", "a"}, Fenced: true}, call)
	require.Equal(t, "pods", call.Network())
	call, _, err = parse("spaces", "dc1")
	require.NoError(t, err)
	require.Empty(t, call.Network())

	for _, args := range [][]string{{"hosts"}, {"hosts", "a", "b"}, {"who", "pods"}, {"spaces"}, {"give-back", "pods", "--keep", "-1"}} {
		_, _, err := parse(args...)
		require.Error(t, err, args)
	}
}
