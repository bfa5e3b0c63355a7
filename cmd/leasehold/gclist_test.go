package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A growing is a list to which a line is added once it was read.
type growing struct{ *os.File }

func (g growing) Read(p []byte) (int, error) {
	n, err := g.File.Read(p)
	if err != nil { // the end
		_, _ = g.WriteString("c2\n") // If that fails, so does the test.
	}
	return n, err
}

// A list that is being written can lack containers that are in use.
func TestListWrittenWhileRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	require.NoError(t, os.WriteFile(path, []byte("c1\n"), 0o600))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	require.NoError(t, err)
	defer f.Close()
	l := list{made: time.Now()}
	require.ErrorContains(t, l.readFrom(growing{f}), "the list was written to while it was read")
	_, err = f.Seek(0, 0)
	require.NoError(t, err)
	require.NoError(t, l.readFrom(f))
	require.Len(t, l.owners, 2)
}
