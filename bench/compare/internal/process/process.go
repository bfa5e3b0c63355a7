// Package process runs a program once and measures how long that takes.
//
// The time is what a container runtime waits: from before the process is created
// until its end has been noticed. All else, the pipes, what is written to them and
// what is read from them, is prepared before or done after, so that the time is
// not that of this program.
package process

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A Command is a program and what it is given.
type Command struct {
	Path  string
	Args  []string // after the name; plugins get none
	Env   []string
	Stdin []byte

	// Fails says that the program has to end with another status than 0.
	Fails bool
}

// A Run is what came of a command.
type Run struct {
	Took   time.Duration
	Output string // of both standard output and standard error
}

const (
	// pipeRoom is how many bytes fit into a pipe that nobody reads yet.
	pipeRoom = 4096

	// patience is how long a program may run. One that takes longer waits for
	// a lock that nobody gives back, or for a reader of its output.
	patience = 2 * time.Minute
)

// Do executes the command. That the program fails, or that it does not where it
// has to, is an error, which has the program's output in it.
func (c Command) Do() (Run, error) {
	if len(c.Stdin) > pipeRoom {
		return Run{}, fmt.Errorf("standard input of %d bytes; a pipe holds %d", len(c.Stdin), pipeRoom)
	}
	stdin, err := filled(c.Stdin)
	if err != nil {
		return Run{}, err
	}
	defer stdin.Close()
	ours, theirs, err := os.Pipe()
	if err != nil {
		return Run{}, err
	}
	defer ours.Close()

	took, state, err := c.clock(stdin, theirs)
	theirs.Close() // a pipe has nothing to flush, and what is in it can be read after
	if err != nil {
		return Run{}, err
	}
	output, err := io.ReadAll(ours)
	if err != nil {
		return Run{}, err
	}
	if state.Success() == c.Fails {
		return Run{}, fmt.Errorf("%s: %s after %s: %s", c.Path, state, took, strings.TrimSpace(string(output)))
	}
	return Run{Took: took, Output: string(output)}, nil
}

// clock is the part that is measured.
func (c Command) clock(stdin, output *os.File) (time.Duration, *os.ProcessState, error) {
	argv := append([]string{c.Path}, c.Args...)
	attr := &os.ProcAttr{Env: c.Env, Files: []*os.File{stdin, output, output}}

	began := time.Now()
	p, err := os.StartProcess(c.Path, argv, attr)
	if err != nil {
		return 0, nil, err
	}
	// Kill fails if the process has just ended, and then it need not be killed.
	watchdog := time.AfterFunc(patience, func() { _ = p.Kill() })
	state, err := p.Wait()
	took := time.Since(began)
	watchdog.Stop()
	return took, state, err
}

// filled returns the end to read from of a pipe that holds data and then ends.
func filled(data []byte) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if _, err := w.Write(data); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}
