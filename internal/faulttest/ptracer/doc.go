// Package ptracer runs a process and stops it at each system call on a file, over all
// its threads and in one order: to see what it does, to kill it there, or to have the
// call fail.
//
// It is for Linux on amd64; elsewhere [Supported] is false.
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
	N        int    // from 1, in the order of entry over all threads and processes
	Name     string // as in the manual: "openat", "pwrite64", "renameat2"
	PID, TID int

	FD       int    // of a call on an open file, otherwise -1
	Path, To string // absolute; of an open file what /proc says it is
	Flags    int    // of open, rename, link, unlink, fallocate; how flock locks; how mmap maps
	Prot     int    // what mmap maps for
	Offset   int64  // of what is written, mapped, allocated; with Hooks.Data also that of write
	Size     int64  // in bytes, of the same, and of ftruncate
	Data     []byte // what is written, with Hooks.Data

	Result int64 // when it has returned; an error is its number, negative
}

// An Action is what happens to a call that has been entered. The zero value lets it
// go on.
type Action struct {
	Kill  bool          // the process is killed, and the call not performed
	Errno syscall.Errno // if not 0, the call is not performed, and returns this
	Short int64         // if not 0, that much is written of what was to be
}

// Hooks are called at each call, one at a time, while the thread that calls waits. Each
// may be nil.
type Hooks struct {
	Data  bool               // also read what is written
	Enter func(*Call) Action // before the call
	Leave func(*Call)        // after it, with the same Call, unless the process is killed in it
}

// An ExitError says how a process ended that did not end well.
type ExitError struct {
	Code   int            // its exit status, or -1
	Signal syscall.Signal // what it was ended by, or 0
}

func (e *ExitError) Error() string {
	if e.Signal != 0 {
		return "signal: " + e.Signal.String()
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// Killed reports whether err is that of a process that was killed.
func Killed(err error) bool {
	var e *ExitError
	return errors.As(err, &e) && e.Signal == syscall.SIGKILL
}

// Limit is how long a process may take until it is killed, and Run returns [ErrLimit].
const Limit = time.Minute

// ErrLimit is the error of a process that did not come to an end.
var ErrLimit = errors.New("the process did not end within " + Limit.String())

// Run starts cmd, in a process group of its own, and returns when all of that group have
// ended. It returns the
// number of calls on files, and an [*ExitError] if the exit status is not 0. Standard
// input and output are as cmd has them.
func Run(cmd *exec.Cmd, h Hooks) (calls int, err error) { return run(cmd, h) }
