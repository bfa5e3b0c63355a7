package backendtest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/stretchr/testify/require"
)

// A process is a child that runs the test binary in a role.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Writer
	stdout *bufio.Scanner
	stderr *bytes.Buffer
	said   map[string]string // the latest word about each subject
}

// start starts a process and waits until it is about to open the store of f.
func (f *fixture) start(role, name string) *process {
	self, err := os.Executable()
	require.NoError(f, err)
	p := &process{
		cmd:    exec.CommandContext(f.ctx, self, f.path, name),
		stderr: new(bytes.Buffer),
		said:   map[string]string{},
	}
	p.cmd.Env = append(os.Environ(), roleEnv+"="+role)
	p.cmd.Stderr = p.stderr
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(f, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(f, err)
	p.stdout = bufio.NewScanner(stdout)
	require.NoError(f, p.cmd.Start())
	p.await(f, "ready")
	return p
}

// begin lets the process open the store.
func (p *process) begin(f *fixture) {
	_, err := fmt.Fprintln(p.stdin)
	require.NoError(f, err)
}

// readLine waits for the next line of the process, and reports whether there was one.
func (p *process) readLine() bool {
	if !p.stdout.Scan() {
		return false
	}
	word, of, _ := strings.Cut(p.stdout.Text(), " ")
	p.said[of] = word
	return true
}

// await waits for the next line and requires that it is the given one.
func (p *process) await(f *fixture, line string) {
	p.readLine()
	require.Equal(f, line, p.stdout.Text(), "standard error: %s", p.stderr)
}

// wait waits until the process has ended, and returns an error if it failed. Its output
// must be read before: Wait closes the pipe.
func (p *process) wait() error {
	for p.readLine() {
		continue
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, p.stderr)
	}
	return nil
}

// kill kills the process with SIGKILL.
func (p *process) kill(f *fixture) {
	require.NoError(f, p.cmd.Process.Kill())
	require.Error(f, p.wait())
	require.Empty(f, p.stderr.String(), "the process failed before it was killed")
}
