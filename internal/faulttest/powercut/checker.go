//go:build linux

package powercut

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"time"
)

// childEnv says which child a process of the tests is. It is empty in the one that runs
// the tests.
const childEnv = "LEASEHOLD_POWERCUT_CHILD"

// Child reports whether this process was started by this package, and is done. TestMain
// of a test that calls [Run] calls it first.
func Child() bool {
	var err error
	switch os.Getenv(childEnv) {
	case "":
		return false
	case "checker":
		err = answerAll(os.Stdin, os.Stdout)
	case "crowd":
		err = crowd(os.Stdin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// child returns a process of this program that is a child.
func child(which string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+which)
	return cmd
}

// answerAll answers until there is no question more, as when the parent has ended. If it
// hangs it ends itself: a Pdeathsig would come when the thread ends that has started it,
// which is any thread of the parent.
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

// A checker answers questions in a process that may crash or hang.
type checker struct {
	cmd       *exec.Cmd
	questions *json.Encoder
	answers   *json.Decoder
	stdin     io.Closer
	stderr    bytes.Buffer
}

func newChecker() (*checker, error) {
	c := &checker{cmd: child("checker")}
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

// timeLimit is how long an answer may take: some thousand times as long as it does.
const timeLimit = 30 * time.Second

// ask returns an error if the process has crashed or hangs.
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
	c.stdin.Close()
	_ = c.cmd.Wait() // It may have ended, and been waited for.
}
