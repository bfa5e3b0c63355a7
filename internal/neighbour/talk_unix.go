//go:build unix

package neighbour

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// talk sends a line to a unix socket and returns the line that comes back. It returns errNoAgent if
// no process listens, or if the one that listened has ended.
func talk(socket string, line []byte, until time.Time) ([]byte, error) {
	fd, err := connect(socket, until)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd) // What was sent has arrived, or there is no answer.
	for len(line) > 0 {
		n, err := retry(func() (int, error) { return unix.SendmsgN(fd, line, nil, nil, unix.MSG_NOSIGNAL) })
		if err != nil {
			return nil, ended(socket, err)
		}
		line = line[n:]
	}
	var text []byte
	for buffer := make([]byte, 4096); !bytes.HasSuffix(text, []byte("\n")) && len(text) < maxAnswer; {
		n, err := retry(func() (int, error) { return unix.Read(fd, buffer) })
		if err != nil {
			return nil, ended(socket, err)
		}
		if n == 0 {
			return nil, errNoAgent
		}
		text = append(text, buffer[:n]...)
	}
	return text, nil
}

// connect returns a socket whose operations end at a time.
func connect(path string, until time.Time) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	unix.CloseOnExec(fd)
	left := unix.NsecToTimeval(max(time.Millisecond, time.Until(until)).Nanoseconds())
	for _, limit := range []int{unix.SO_SNDTIMEO, unix.SO_RCVTIMEO} {
		if err == nil {
			err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, limit, &left)
		}
	}
	if err == nil {
		_, err = retry(func() (int, error) { return 0, unix.Connect(fd, &unix.SockaddrUnix{Name: path}) })
	}
	if err != nil {
		unix.Close(fd) // Nothing was sent.
		return -1, ended(path, err)
	}
	return fd, nil
}

// ended explains why a conversation has ended.
func ended(socket string, err error) error {
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		return errNoAgent
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINPROGRESS):
		err = os.ErrDeadlineExceeded
	}
	return fmt.Errorf("%s: %w", socket, err)
}

// retry repeats a system call that a signal has interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
