// Package flock takes advisory whole-file locks and gives up when a context
// ends.
//
// flock(2) itself cannot be given a time limit, and asking again at intervals
// is both slow and unfair: whoever happens to ask first after a release wins.
// So a waiter sleeps in the kernel, in a goroutine of its own; if the context
// ends first, that goroutine stays behind, and closes the file as soon as the
// kernel hands it the lock.
//
// On Linux, and on file systems that are known to keep locks locally, a shared lock
// that is asked for while an exclusive one is waited for comes after that: readers
// in a loop do not keep a writer out. Programs that take the lock by flock(2) alone,
// as the stock plugin does, take part in it as they are, but readers pass them. A
// program that has a shared lock must not ask for a second one of the same file.
package flock

import (
	"context"
	"os"
)

// Exclusive locks f against every other lock. The lock ends when f is closed, or by
// Unlock where something else, such as a mapping of f, outlives that.
//
// If the context ends first it returns the context's error; f then belongs to
// the goroutine that still waits and the caller must not use it any more. After
// any other error f remains the caller's.
func Exclusive(ctx context.Context, f *os.File) error { return lock(ctx, f, true) }

// Shared is like Exclusive, but lets other shared locks in, unless an exclusive one is
// waited for.
func Shared(ctx context.Context, f *os.File) error { return lock(ctx, f, false) }

// Unlock ends the lock of f.
func Unlock(f *os.File) error { return unlock(f) }
