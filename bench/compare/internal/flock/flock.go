//go:build unix

// Package flock takes the place of leasehold's package of that name in a plugin that
// is built for the comparison only: it waits for locks as bbolt does when it is left
// to itself.
//
// bbolt asks for the lock without waiting for it, and again every 50 ms until it is
// there; see flock in its bolt_unix.go. All else in that plugin is as it is in the
// other, so that what differs between the two is the lock.
package flock

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Retry is how long bbolt sleeps between two attempts.
const Retry = 50 * time.Millisecond

// Exclusive locks f against every other lock.
func Exclusive(ctx context.Context, f *os.File) error { return lock(ctx, f, unix.LOCK_EX) }

// Shared is like Exclusive, but lets other shared locks in.
func Shared(ctx context.Context, f *os.File) error { return lock(ctx, f, unix.LOCK_SH) }

// Unlock ends the lock of f.
func Unlock(f *os.File) error {
	return os.NewSyscallError("flock", unix.Flock(int(f.Fd()), unix.LOCK_UN))
}

// lock returns the context's error, and closes f, if that ends first.
func lock(ctx context.Context, f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return os.NewSyscallError("flock", err)
		}
		if err := ctx.Err(); err != nil {
			f.Close()
			return err
		}
		time.Sleep(Retry)
	}
}
