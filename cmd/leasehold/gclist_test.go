package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A growingFile gets another line when its end is read.
type growingFile struct{ *os.File }

func (f growingFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	if err != nil { // io.EOF
		_, _ = f.WriteString("c2\n") // If this fails, the test fails, too.
	}
	return n, err
}

// A list that is still being written can lack containers that are in use.
func TestListWrittenWhileRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	require.NoError(t, os.WriteFile(path, []byte("c1\n"), 0o600))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	require.NoError(t, err)
	defer f.Close()
	l := validList{made: time.Now()}
	require.ErrorContains(t, l.readFrom(growingFile{f}), "the list was written to while it was read")
	_, err = f.Seek(0, 0)
	require.NoError(t, err)
	require.NoError(t, l.readFrom(f))
	require.Len(t, l.owners, 2)
}
