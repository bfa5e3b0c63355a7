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

// A process is another run of the test binary, which plays a role.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Writer
	stdout *bufio.Scanner
	stderr *bytes.Buffer
	said   map[string]string // the last word on each thing it has spoken of
}

// start starts a process and returns when it is about to open the store of f.
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

// hear waits for the next line that the process says, and reports whether there
// was one.
func (p *process) hear() bool {
	if !p.stdout.Scan() {
		return false
	}
	word, of, _ := strings.Cut(p.stdout.Text(), " ")
	p.said[of] = word
	return true
}

// await returns when the process has said what it is expected to say next.
func (p *process) await(f *fixture, line string) {
	p.hear()
	require.Equal(f, line, p.stdout.Text(), "standard error: %s", p.stderr)
}

// wait returns when the process has come to its end, with an error if that was
// not a good one. What it says must be read until then: Wait closes the pipe.
func (p *process) wait() error {
	for p.hear() {
		continue
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, p.stderr)
	}
	return nil
}

// kill ends the process as SIGKILL does.
func (p *process) kill(f *fixture) {
	require.NoError(f, p.cmd.Process.Kill())
	require.Error(f, p.wait())
	require.Empty(f, p.stderr.String(), "the process had failed before it was killed")
}
