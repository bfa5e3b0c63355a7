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
	if exclusive || awaited(f) {
		how = unix.LOCK_EX
	}
	err := flock(f, how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return wait(ctx, f, how, exclusive)
	}
	return err
}

// wait waits for the lock in a goroutine, which gets f if ctx ends first.
func wait(ctx context.Context, f *os.File, how int, exclusive bool) error {
	if err := ctx.Err(); err != nil {
		f.Close() // Nothing was written.
		return err
	}
	locked := make(chan error, 1)
	go func() { locked <- queue(f, how, exclusive) }()
	select {
	case err := <-locked:
		return err
	case <-ctx.Done():
		// The caller has gone: whether or not the lock came, closing f gives it back.
		go func() { <-locked; f.Close() }()
		return ctx.Err()
	}
}

// queue waits for the lock without a time limit.
func queue(f *os.File, how int, exclusive bool) error {
	if exclusive && announce(f) {
		defer renounce(f)
	}
	return flock(f, how)
}

func unlock(f *os.File) error { return flock(f, unix.LOCK_UN) }

func flock(f *os.File, how int) error {
	for {
		// Fd makes the file blocking, which a lock file already is.
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("flock", err)
		}
	}
}
