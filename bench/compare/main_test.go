package main

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOptions(t *testing.T) {
	require.Equal(t, 40, options{}.times())
	require.Equal(t, 20, options{quick: true}.times())
	require.Equal(t, 7, options{quick: true, rounds: 7}.times())

	for _, o := range []options{{}, {quick: true}} {
		require.True(t, slices.IsSorted(o.fills()), "stores only grow")
	}
	require.Subset(t, options{}.fills(), options{quick: true}.fills())

	require.Equal(t, filepath.Join("..", "results", "a.json"), options{json: "a.json"}.jsonPath())
	require.Equal(t, "/tmp/a.json", options{json: "/tmp/a.json"}.jsonPath())
	require.Equal(t, "./a.json", options{json: "./a.json"}.jsonPath())
}
