// Package neighbour asks the program leasehold-cluster for addresses of other hosts, with which a
// network is shared: over the socket of its agent if that runs, and otherwise by executing it once.
//
// It is part of the plugin, which every container waits for. So it uses neither package net nor
// os/exec, and does nothing before there is something to ask.
package neighbour

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Where the agent listens, and the directory of the program.
const (
	DefaultSocket = "/run/leasehold/cluster.sock"
	DefaultDir    = "/usr/libexec/leasehold"

	// Program is its name.
	Program = "leasehold-cluster"
)

// A Neighbour says where the program is. The zero Neighbour is not installed.
type Neighbour struct {
	// Socket is the path of the agent's unix socket; empty: there is no agent.
	Socket string

	// Dirs are the directories in which the program is looked for, in order.
	Dirs []string

	// Environ returns the environment of the program; nil means [os.Environ].
	Environ func() []string
}

// New returns a Neighbour for a process with an environment. Like a plugin, the program is looked for
// in the directories of CNI_PATH, so a runtime that mounts one directory finds it there; and then in
// [DefaultDir].
func New(getenv func(string) string, environ func() []string) Neighbour {
	return Neighbour{
		Socket:  DefaultSocket,
		Dirs:    append(filepath.SplitList(getenv("CNI_PATH")), DefaultDir),
		Environ: environ,
	}
}

// The commands of the program.
const (
	Claim  = "claim"  // get addresses, if no address is free
	Attest = "attest" // have the other hosts confirm what this one holds
)

// A Request is what the program is asked for.
type Request struct {
	Command string          `json:"command"`
	Network string          `json:"network"`
	Args    string          `json:"args,omitempty"` // CNI_ARGS
	Config  json.RawMessage `json:"config"`         // the network configuration
}

// An Answer is the program's reason not to do what it was asked for, a CNI error.
type Answer struct {
	Code    uint   `json:"code"`
	Msg     string `json:"msg"`
	Details string `json:"details"`
}

// Error returns the message.
func (a *Answer) Error() string { return a.Msg }

// ErrNotInstalled: there is no such program.
var ErrNotInstalled = errors.New("the program " + Program + " is not installed")

// A KilledError means that the program was killed before it had done what it was asked for. It can be
// asked again: what it had begun, the next one finishes.
type KilledError struct {
	Path   string
	Signal syscall.Signal
}

func (e *KilledError) Error() string {
	return fmt.Sprintf("%s was killed by signal %d (%s)", e.Path, int(e.Signal), e.Signal)
}

// A SilentError means that the program has ended with an error and has not said which.
type SilentError struct {
	Path, Status string
}

func (e *SilentError) Error() string { return fmt.Sprintf("%s: %s", e.Path, e.Status) }

// errNoAgent: no agent has answered. What it was asked for can be asked for again.
var errNoAgent = errors.New("no agent has answered")

// maxAnswer is how long an answer can be, in bytes.
const maxAnswer = 1 << 20

// Ask asks the program and returns when it has done that, or when ctx ends. It returns an [Answer] if
// the program says why it did not, and [ErrNotInstalled] if there is none. The caller holds no lock
// of the store, which the program uses.
func (n Neighbour) Ask(ctx context.Context, r Request) error {
	err := errNoAgent
	if n.Socket != "" {
		err = n.askAgent(ctx, r)
	}
	if errors.Is(err, errNoAgent) {
		err = n.execute(ctx, r)
	}
	return err
}

func (n Neighbour) askAgent(ctx context.Context, r Request) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	text, err := talk(n.Socket, append(line, '\n'), deadline(ctx))
	if err != nil {
		return err
	}
	return answer(text)
}

// answer returns what an answer says: nil if its code is 0.
func answer(text []byte) error {
	a := new(Answer)
	if err := json.Unmarshal(text, a); err != nil {
		return fmt.Errorf("%s has answered %.200q: %w", Program, text, err)
	}
	if a.Code == 0 {
		return nil
	}
	return a
}

// forever is a time limit for a context without one.
const forever = time.Hour

func deadline(ctx context.Context) time.Time {
	if at, ok := ctx.Deadline(); ok {
		return at
	}
	return time.Now().Add(forever)
}

// execute executes the program.
func (n Neighbour) execute(ctx context.Context, r Request) error {
	for _, dir := range n.Dirs {
		path := filepath.Join(dir, Program)
		err := n.run(ctx, path, r)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return fmt.Errorf("%w; it was looked for in %s", ErrNotInstalled, strings.Join(n.Dirs, ", "))
}

// run runs the program at path. It is killed when ctx ends: what it was about to do, the next one
// finishes.
func (n Neighbour) run(ctx context.Context, path string, r Request) (err error) {
	in, out, theirs, err := pipes()
	if err != nil {
		return err
	}
	defer closeAll(in, out)
	environ := os.Environ
	if n.Environ != nil {
		environ = n.Environ
	}
	child, err := os.StartProcess(path, []string{path, r.Command, "--cni", r.Network}, &os.ProcAttr{
		Files: []*os.File{theirs[0], theirs[1], os.Stderr}, Env: environ(),
	})
	closeAll(theirs...)
	if err != nil {
		return err
	}
	text, err := exchange(in, out, r.Config, deadline(ctx))
	if err != nil {
		_ = child.Kill() // If it has ended, Wait says how.
	}
	state, waitErr := child.Wait()
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: %w", path, r.Command, err)
	case waitErr != nil:
		return waitErr
	case state.Success():
		return nil
	}
	if s, ok := state.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return &KilledError{path, s.Signal()}
	}
	if len(text) == 0 {
		return &SilentError{path + " " + r.Command, state.String()}
	}
	return answer(text)
}

// pipes returns pipes to the standard input and from the standard output of a child, and the
// child's ends.
func pipes() (in, out *os.File, theirs []*os.File, err error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		closeAll(theirIn, in)
		return nil, nil, nil, err
	}
	return in, out, []*os.File{theirIn, theirOut}, nil
}

// exchange writes to a child and reads what it has to say until it ends.
func exchange(in io.WriteCloser, out *os.File, text []byte, until time.Time) ([]byte, error) {
	if err := out.SetReadDeadline(until); err != nil {
		return nil, err
	}
	_, _ = in.Write(text) // A child that does not read it says why.
	_ = in.Close()        // As above.
	return io.ReadAll(io.LimitReader(out, maxAnswer))
}

// closeAll closes pipes.
func closeAll(files ...*os.File) {
	for _, f := range files {
		_ = f.Close() // Pipes keep nothing, and some were closed before.
	}
}
