//go:build unix

package damage

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A canary is a directory beside the data directory that the programs must neither read nor
// write.
type canary struct {
	dir, secret string
	text        string // content of the file secret
	before      string
}

func newCanary(t testing.TB, dir string) *canary {
	t.Helper()
	o := &canary{dir: dir, secret: filepath.Join(dir, "secret"), text: "secret" + rand.Text()}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "more"), 0o755))
	// The content could pass for a lease, a cursor or a journal.
	require.NoError(t, os.WriteFile(o.secret, []byte(o.text+"\r\neth0"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "more", "10.0.0.10"), []byte(o.text+"\r\neth0"), 0o600))
	var err error
	o.before, err = o.state()
	require.NoError(t, err)
	return o
}

// state describes every file, with its time and content.
func (o *canary) state() (text string, err error) {
	err = filepath.WalkDir(o.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		text += fmt.Sprintln(path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			text += string(content)
			return err
		}
		return nil
	})
	return text, err
}

// checkUnread returns an error if the secret is in an output.
func (o *canary) checkUnread(texts ...string) error {
	for _, text := range texts {
		if strings.Contains(text, o.text) {
			return fmt.Errorf("a file outside the data directory was read: %.300s", text)
		}
	}
	return nil
}

// checkUntouched returns an error if the canary has changed.
func (o *canary) checkUntouched() error {
	now, err := o.state()
	if err == nil && now != o.before {
		err = fmt.Errorf("a file outside the data directory has changed:\n%s\nwas\n%s", now, o.before)
	}
	return err
}

// An obstacle is put in the place of a file.
type obstacle struct {
	name string
	put  func(path string, o *canary) error
}

// emptyFile is the obstacle that a killed stock plugin leaves.
const emptyFile = "an empty file"

func obstacles() []obstacle {
	text := func(content string) func(string, *canary) error {
		return func(path string, _ *canary) error { return os.WriteFile(path, []byte(content), 0o600) }
	}
	link := func(target func(*canary) string) func(string, *canary) error {
		return func(path string, o *canary) error { return os.Symlink(target(o), path) }
	}
	return []obstacle{
		{emptyFile, text("")},
		{"binary rubbish", text("\x00\x01\xfe\xff\x7f\x00ELF\xc3\x28\r\n\x80")},
		{"a million bytes", text(strings.Repeat("rubbish ", 125_000))},
		{"NULs", text(strings.Repeat("\x00", 4096))},
		{"lines", text("one\r\ntwo\r\nthree\r\n\r\n")},
		{"a directory", func(path string, _ *canary) error { return os.Mkdir(path, 0o755) }},
		{"a directory that is not empty", func(path string, _ *canary) error {
			return os.MkdirAll(filepath.Join(path, "10.0.0.10", "x"), 0o755)
		}},
		{"a FIFO", func(path string, _ *canary) error { return unix.Mkfifo(path, 0o600) }},
		{"a socket", makeSocket},
		{"a link to a file outside", link(func(o *canary) string { return o.secret })},
		{"a link to a directory outside", link(func(o *canary) string { return filepath.Join(o.dir, "more") })},
		{"a link to a missing file outside", link(func(o *canary) string { return filepath.Join(o.dir, "new") })},
		{"a link to itself", link(func(*canary) string { return "." })},
		{"a link to its own name", func(path string, _ *canary) error { return os.Symlink(filepath.Base(path), path) }},
		{"a link to endless zeros", link(func(*canary) string { return "/dev/zero" })},
		{"a hard link to a file outside", func(path string, o *canary) error { return os.Link(o.secret, path) }},
	}
}

// makeSocket leaves a socket without a listener.
func makeSocket(path string, _ *canary) error {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	return l.Close()
}
