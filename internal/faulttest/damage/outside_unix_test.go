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

// An outside is a directory beside the data directory, with what nobody who asks for an
// address is to read or to write.
type outside struct {
	dir, secret string
	text        string // in the file secret
	before      string
}

func newOutside(t testing.TB, dir string) *outside {
	t.Helper()
	o := &outside{dir: dir, secret: filepath.Join(dir, "secret"), text: "secret" + rand.Text()}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "more"), 0o755))
	// What it holds could be a lease, a cursor or a journal.
	require.NoError(t, os.WriteFile(o.secret, []byte(o.text+"\r\neth0"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "more", "10.0.0.10"), []byte(o.text+"\r\neth0"), 0o600))
	var err error
	o.before, err = o.state()
	require.NoError(t, err)
	return o
}

// state describes all that is there, with times and contents.
func (o *outside) state() (text string, err error) {
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

// unseen returns an error if the secret is in what has been written.
func (o *outside) unseen(texts ...string) error {
	for _, text := range texts {
		if strings.Contains(text, o.text) {
			return fmt.Errorf("what stands outside has been read: %.300s", text)
		}
	}
	return nil
}

// untouched returns an error if anything outside has changed.
func (o *outside) untouched() error {
	now, err := o.state()
	if err == nil && now != o.before {
		err = fmt.Errorf("what stands outside has changed:\n%s\nwas\n%s", now, o.before)
	}
	return err
}

// A thing is what can stand in the place of a file.
type thing struct {
	name string
	put  func(path string, o *outside) error
}

// nothingInIt is the name of what a kill of the stock plugin leaves.
const nothingInIt = "nothing in it"

func things() []thing {
	text := func(content string) func(string, *outside) error {
		return func(path string, _ *outside) error { return os.WriteFile(path, []byte(content), 0o600) }
	}
	link := func(target func(*outside) string) func(string, *outside) error {
		return func(path string, o *outside) error { return os.Symlink(target(o), path) }
	}
	return []thing{
		{nothingInIt, text("")},
		{"binary rubbish", text("\x00\x01\xfe\xff\x7f\x00ELF\xc3\x28\r\n\x80")},
		{"a million bytes", text(strings.Repeat("rubbish ", 125_000))},
		{"NULs", text(strings.Repeat("\x00", 4096))},
		{"lines", text("one\r\ntwo\r\nthree\r\n\r\n")},
		{"a directory", func(path string, _ *outside) error { return os.Mkdir(path, 0o755) }},
		{"a directory with something in it", func(path string, _ *outside) error {
			return os.MkdirAll(filepath.Join(path, "10.0.0.10", "x"), 0o755)
		}},
		{"a FIFO", func(path string, _ *outside) error { return unix.Mkfifo(path, 0o600) }},
		{"a socket", socketAt},
		{"a link to a file outside", link(func(o *outside) string { return o.secret })},
		{"a link to a directory outside", link(func(o *outside) string { return filepath.Join(o.dir, "more") })},
		{"a link to what is not there outside", link(func(o *outside) string { return filepath.Join(o.dir, "new") })},
		{"a link to itself", link(func(*outside) string { return "." })},
		{"a link in circles", func(path string, _ *outside) error { return os.Symlink(filepath.Base(path), path) }},
		{"a link to endless zeros", link(func(*outside) string { return "/dev/zero" })},
		{"a second name of a file outside", func(path string, o *outside) error { return os.Link(o.secret, path) }},
	}
}

// socketAt leaves a socket that nobody listens at.
func socketAt(path string, _ *outside) error {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	return l.Close()
}
