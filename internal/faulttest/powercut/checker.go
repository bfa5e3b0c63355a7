//go:build linux

package powercut

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"time"
)

// childEnv tells a child process its job. It is empty in the process that runs the tests.
const childEnv = "LEASEHOLD_POWERCUT_CHILD"

// Child performs the job of a child process started by this package, and reports whether
// this process was one. The TestMain of a test that calls [Run] calls it first.
func Child() bool {
	var err error
	switch os.Getenv(childEnv) {
	case "":
		return false
	case "checker":
		err = answerAll(os.Stdin, os.Stdout)
	case "goroutines":
		err = runGoroutines(os.Stdin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// child returns a command that runs a program, by default this one, as a child.
func child(program, which string) *exec.Cmd {
	cmd := exec.Command(cmp.Or(program, os.Args[0]))
	cmd.Env = append(os.Environ(), childEnv+"="+which)
	return cmd
}

// answerAll answers questions until the parent closes the pipe. A hanging child exits by
// itself. Pdeathsig would not do: the kernel sends it when the thread that started the
// child ends, not the parent.
func answerAll(in io.Reader, out io.Writer) error {
	debug.SetGCPercent(400)
	questions, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var q question
		if err := questions.Decode(&q); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		hangs := time.AfterFunc(2*timeLimit, func() { os.Exit(1) })
		if err := answers.Encode(examine(q)); err != nil {
			return err
		}
		hangs.Stop()
	}
}

// A checker answers questions in a child process, which may crash or hang.
type checker struct {
	cmd       *exec.Cmd
	questions *json.Encoder
	answers   *json.Decoder
	stdin     io.Closer
	stderr    bytes.Buffer
}

func newChecker(program string) (*checker, error) {
	c := &checker{cmd: child(program, "checker")}
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.questions, c.answers, c.stdin = json.NewEncoder(in), json.NewDecoder(out), in
	c.cmd.Stderr = &c.stderr
	return c, c.cmd.Start()
}

// timeLimit is the time limit of an answer, about a thousand times what one takes.
const timeLimit = 30 * time.Second

// ask asks a question. It returns an error if the child crashes or hangs.
func (c *checker) ask(q question) (a answer, err error) {
	watchdog := time.AfterFunc(timeLimit, func() {
		_ = c.cmd.Process.Kill() // If it fails, the process has ended.
	})
	defer watchdog.Stop()
	if err := c.questions.Encode(q); err != nil {
		return a, c.died(err)
	}
	if err := c.answers.Decode(&a); err != nil {
		return a, c.died(err)
	}
	return a, nil
}

func (c *checker) died(err error) error {
	waitErr := c.cmd.Wait()
	return fmt.Errorf("the checker crashed, or was killed after %v: %w, %w\n%s", timeLimit, err, waitErr, c.stderr.Bytes())
}

// close ends the process.
func (c *checker) close() {
	c.stdin.Close()  // An error means that the process has exited already.
	_ = c.cmd.Wait() // It may have been waited for already.
}
