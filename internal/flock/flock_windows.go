package flock

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// all is the length of a whole file: the stock plugin locks all of it.
const all = ^uint32(0)

// retry is the time between two attempts. LockFileEx can wait in the kernel only for a
// handle opened for overlapped I/O, which os.File does not use.
const retry = 5 * time.Millisecond

func lock(ctx context.Context, f *os.File, exclusive bool) error {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	for {
		err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, all, all, new(windows.Overlapped))
		if !errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
			return os.NewSyscallError("LockFileEx", err)
		}
		select {
		case <-ctx.Done():
			f.Close() // Nothing was written.
			return ctx.Err()
		case <-time.After(retry):
		}
	}
}

func unlock(f *os.File) error {
	err := windows.UnlockFileEx(windows.Handle(f.Fd()), 0, all, all, new(windows.Overlapped))
	return os.NewSyscallError("UnlockFileEx", err)
}
