//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What is written to is not replaced unless it is a file.
func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	write := func(w io.Writer) error {
		_, err := io.WriteString(w, "new")
		return err
	}
	content := func(name string) string {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		return string(text)
	}
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	require.NoError(t, os.Symlink(file, link))
	require.NoError(t, replaceFile(link, "", write))
	require.Equal(t, "new", content(link))
	require.Equal(t, "old", content(file), "others could have made the link")
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.True(t, info.Mode().IsRegular())

	store := filepath.Join(dir, "store")
	require.NoError(t, os.WriteFile(store, []byte("leases"), 0o600))
	require.ErrorContains(t, replaceFile(store, "new", write), "remove it, or name another file")
	require.Equal(t, "leases", content(store))
	for _, before := range []string{"", "new and more"} {
		require.NoError(t, os.WriteFile(file, []byte(before), 0o600))
		require.NoError(t, replaceFile(file, "new", write))
		require.Equal(t, "new", content(file))
	}

	opened, err := os.OpenFile(file, os.O_RDWR|os.O_TRUNC, 0)
	require.NoError(t, err)
	require.NoError(t, replaceFile(fmt.Sprintf("/proc/self/fd/%d", opened.Fd()), "new", write))
	require.NoError(t, opened.Close())
	require.Equal(t, "new", content(file))

	fifo := filepath.Join(dir, "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	read := make(chan string)
	go func() {
		text, _ := os.ReadFile(fifo) // An error shows in what was read.
		read <- string(text)
	}()
	require.NoError(t, replaceFile(fifo, "", write))
	require.Equal(t, "new", <-read)

	require.ErrorContains(t, replaceFile(dir, "", write), "it is a directory; name a file in it")
	null := filepath.Join(dir, "null")
	if unix.Mknod(null, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))) != nil {
		return // Only root can make a device.
	}
	require.NoError(t, replaceFile(null, "", write))
	info, err = os.Stat(null)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeDevice)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 5)
}
