//go:build unix

package flock

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func lock(ctx context.Context, f *os.File, exclusive bool) error {
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	err := flock(f, how|unix.LOCK_NB)
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return err
	}
	if err := ctx.Err(); err != nil {
		f.Close()
		return err
	}

	locked := make(chan error, 1)
	go func() { locked <- flock(f, how) }()
	select {
	case err := <-locked:
		return err
	case <-ctx.Done():
		go func() { <-locked; f.Close() }()
		return ctx.Err()
	}
}

func unlock(f *os.File) error { return flock(f, unix.LOCK_UN) }

func flock(f *os.File, how int) error {
	for {
		// Fd would make the file blocking, which a lock file already is.
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("flock", err)
		}
	}
}
