// Package ptracer runs a process and stops it at each system call on a file. A hook can
// record the call, kill the process there, or make the call fail. The calls of all threads
// and child processes are in one order.
//
// It needs Linux on amd64. [Supported] is false elsewhere.
package ptracer

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// A Call is a system call on a file.
type Call struct {
	N        int    // from 1, in the order of entry, over all threads and processes
	Name     string // such as "openat", "pwrite64" or "renameat2"
	PID, TID int

	FD       int    // -1 unless the call is on an open file
	Path, To string // absolute; for an open file the link in /proc
	Flags    int    // of open, rename, link, unlink, fallocate, flock, mmap
	Prot     int    // of mmap
	Offset   int64  // of pread, pwrite, mmap, fallocate; with Hooks.Data also of write
	Size     int64  // in bytes; of the same calls, and of ftruncate
	Data     []byte // the written data, if Hooks.Data is set

	Result int64 // set on return; negative errno for an error
}

// An Action is what to do with a call. The zero value lets it continue.
type Action struct {
	Kill  bool          // kill the process before the call
	Errno syscall.Errno // if not 0, return this error without performing the call
	Short int64         // if not 0, write only this many bytes
}

// Hooks are called at each call, one at a time, while the calling thread is stopped. Each
// may be nil.
type Hooks struct {
	Data    bool               // also read the written data
	Sockets bool               // also stop at reads and writes of all pipes and sockets
	Enter   func(*Call) Action // called before the call
	Leave   func(*Call)        // called after it, with the same Call, unless the process was killed
}

// An ExitError describes the end of a process that failed.
type ExitError struct {
	Code   int            // the exit status, or -1
	Signal syscall.Signal // the signal that ended it, or 0
}

func (e *ExitError) Error() string {
	if e.Signal != 0 {
		return "signal: " + e.Signal.String()
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// Killed reports whether err is the error of a process that SIGKILL ended.
func Killed(err error) bool {
	var e *ExitError
	return errors.As(err, &e) && e.Signal == syscall.SIGKILL
}

// Limit is the time limit of a process. Run kills a process that exceeds it and returns
// [ErrLimit].
const Limit = time.Minute

// ErrLimit is the error of a process that exceeded [Limit].
var ErrLimit = errors.New("the process did not end within " + Limit.String())

// Run starts cmd in a new process group and returns when all processes of the group have
// ended. It returns the number of calls on files, and an [*ExitError] if cmd failed.
// The program reads and writes the standard input and output of cmd.
func Run(cmd *exec.Cmd, h Hooks) (calls int, err error) { return run(cmd, h) }
