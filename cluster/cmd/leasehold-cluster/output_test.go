package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/cli"
)

func TestLostOutput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "read-only")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close() // It was only read.
	var errs bytes.Buffer
	tool := tool{out: f, errs: &errs, getenv: os.Getenv}
	require.Equal(t, cli.StatusError, tool.run(t.Context(), []string{"--help"}))
	require.Contains(t, errs.String(), "leasehold-cluster: write "+path)
}
