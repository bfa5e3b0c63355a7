package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// replaceFile replaces a file atomically: readers see either the old or the new content. A file that does
// not begin as what is written is left alone: it could be a store. A symbolic link is replaced, too: others
// could have made it. What is not a file, such as a FIFO or a terminal, is written to, and so is
// an open file.
func replaceFile(name, begins string, write func(io.Writer) error) error {
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case isOpenFile(name), info.Mode()&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0:
		return writeInto(name, write)
	case info.IsDir():
		return notReplaced(name, "it is a directory; name a file in it")
	case info.Mode().IsRegular():
		if err := checkBegins(name, begins); err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return notReplaced(name, p.Err.Error()) // Without the temporary name, which would mean nothing to the operator.
	}
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func notReplaced(name, why string) error {
	return &fs.PathError{Op: "replace", Path: name, Err: errors.New(why)}
}

// isOpenFile reports whether a name is one of an open file, such as /dev/stdout or /proc/self/fd/3: a link
// that must not be replaced, and that others cannot have made.
func isOpenFile(name string) bool {
	path, err := filepath.Abs(name)
	return err == nil && (path == "/dev/stdout" || path == "/dev/stderr" ||
		strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/"))
}

// checkBegins returns an error unless a file is empty or begins with a text.
func checkBegins(name, text string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() // It was only read.
	start := make([]byte, len(text))
	n, err := io.ReadFull(f, start)
	switch {
	case n == 0 && errors.Is(err, io.EOF), string(start[:n]) == text:
		return nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	return notReplaced(name, "it has something else than this command writes; remove it, or name another file")
}

// writeInto writes to a file that exists.
func writeInto(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
