//go:build unix

// Package flock replaces leasehold's package flock in a plugin that is built for the
// comparison only. It polls for locks as bbolt does by default, every 50 ms; see flock in
// bbolt's bolt_unix.go. Nothing else in that plugin differs.
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
			f.Close() // Nothing was written.
			return err
		}
		time.Sleep(Retry)
	}
}
