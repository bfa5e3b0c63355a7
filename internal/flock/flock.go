// Package flock takes advisory whole-file locks, and gives up when a context ends.
//
// flock(2) has no time limit, and polling is both slow and unfair: the process that happens
// to ask first after a release wins. So a waiter sleeps in the kernel, in its own
// goroutine; if the context ends first, that goroutine stays behind, and closes the file as
// soon as it gets the lock.
//
// On Linux, on file systems known to keep locks locally, a shared lock requested while an
// exclusive one is waited for comes after it, so readers in a loop do not starve a writer.
// Programs that use only flock(2), such as the stock plugin, interoperate, but readers can
// overtake them when they wait for an exclusive lock. A program that has a shared lock must
// not request another one of the same file.
package flock

import (
	"context"
	"os"
)

// Exclusive locks f against every other lock. The lock ends when f is closed, or by Unlock
// if something else, such as a mapping of f, outlives that.
//
// If the context ends first, it returns the context's error; f then belongs to the waiting
// goroutine, and the caller must not use it any more. After any other error f still belongs
// to the caller.
func Exclusive(ctx context.Context, f *os.File) error { return timed(ctx, f, true) }

// Shared is like Exclusive, but allows other shared locks, unless a waiter wants an
// exclusive one.
func Shared(ctx context.Context, f *os.File) error { return timed(ctx, f, false) }

// Unlock releases the lock of f.
func Unlock(f *os.File) error { return unlock(f) }
