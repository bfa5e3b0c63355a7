//go:build linux

// Peak runs a program and writes, after what that program wrote, how much memory it
// had at most: a line of "peak" and ru_maxrss, in KiB.
//
// It is small because it has to be. Until it executes a program, a new process
// shares the memory of the one that made it, and Linux counts that too: a child of
// the comparison would never seem to need less than the comparison itself.
package main

import (
	"os"
	"strconv"
	"syscall"
)

func main() {
	pid, err := syscall.ForkExec(os.Args[1], os.Args[1:], &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
	})
	if err != nil {
		panic(err)
	}
	var status syscall.WaitStatus
	var usage syscall.Rusage
	for {
		_, err = syscall.Wait4(pid, &status, 0, &usage)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString("\npeak " + strconv.FormatInt(int64(usage.Maxrss), 10) + "\n") // who reads it misses it if it is not there
	os.Exit(status.ExitStatus())
}
