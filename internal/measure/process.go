// Package measure is what the comparisons of package bench and of module cluster have in common: it runs
// programs and times them, gives peers their turns, summarizes, makes a disk slow, and describes the machine.
package measure

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A Command is a program to run, and its input.
type Command struct {
	Path  string
	Args  []string // after the name; plugins get none
	Env   []string
	Stdin []byte

	Fails bool // the program must exit with a status other than 0
}

// A Run is the outcome of a command.
type Run struct {
	Took   time.Duration
	Output string // standard output and standard error
}

const (
	maxStdin = 4096            // what fits into a pipe without a reader
	timeout  = 2 * time.Minute // a program that runs longer hangs on a lock or on its output
)

// Do runs the command. The time is what a container runtime waits: from before the process
// is created until its end is noticed. Pipes are filled before and read after, so that this
// program's own work is not timed. An unexpected exit status is an error with the output in it.
func (c Command) Do() (Run, error) {
	if len(c.Stdin) > maxStdin {
		return Run{}, fmt.Errorf("standard input of %d bytes; a pipe holds %d", len(c.Stdin), maxStdin)
	}
	stdin, filled, err := os.Pipe()
	if err != nil {
		return Run{}, err
	}
	defer stdin.Close() // a pipe has nothing to flush
	_, err = filled.Write(c.Stdin)
	filled.Close() // a pipe has nothing to flush
	if err != nil {
		return Run{}, err
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return Run{}, err
	}
	defer ours.Close() // it was only read

	took, state, err := c.timed(stdin, theirs)
	theirs.Close() // a pipe has nothing to flush, and its content can still be read
	if err != nil {
		return Run{}, err
	}
	output, err := io.ReadAll(ours)
	if err == nil && state.Success() == c.Fails {
		err = fmt.Errorf("%s: %s after %s: %s", c.Path, state, took, strings.TrimSpace(string(output)))
	}
	return Run{took, string(output)}, err
}

func (c Command) timed(stdin, output *os.File) (time.Duration, *os.ProcessState, error) {
	argv := append([]string{c.Path}, c.Args...)
	attr := &os.ProcAttr{Env: c.Env, Files: []*os.File{stdin, output, output}}

	began := time.Now()
	p, err := os.StartProcess(c.Path, argv, attr)
	if err != nil {
		return 0, nil, err
	}
	watchdog := time.AfterFunc(timeout, func() { _ = p.Kill() }) // fails if the process has just ended
	state, err := p.Wait()
	took := time.Since(began)
	watchdog.Stop()
	return took, state, err
}
