package storm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/containernetworking/cni/pkg/types"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// byProcess returns a performer that runs the plugin at path, in a new process for each
// request. It calls start with each process.
func byProcess(n faulttest.Network, path string, start func(*os.Process) (ended func())) performer {
	return func(ctx context.Context, r request) answer {
		cmd := n.Command(path, r.command, r.id, r.extraConfig())
		var out bytes.Buffer
		cmd.Stdout = &out
		killed, err := finish(ctx, cmd, start)
		if exit := (*exec.ExitError)(nil); killed || err != nil && !errors.As(err, &exit) {
			return answer{killed: killed, err: err}
		}
		return read(r, out.Bytes(), err)
	}
}

// byTool returns a performer that runs GC with leasehold. Before the first ADD has made a store, there is
// no such network.
func byTool(n faulttest.Network, path string, start func(*os.Process) (ended func())) performer {
	return func(ctx context.Context, r request) answer {
		cmd := n.Tool(path, "gc", faulttest.Name, "--valid", "-", "--allow-none",
			"--release-starting", "--release-in-use", "--release-never-listed")
		cmd.Stdin = strings.NewReader(strings.Join(r.valid, "\n"))
		_, noStore := os.Stat(n.Path())
		killed, err := finish(ctx, cmd, start)
		if noStore != nil && err != nil && strings.Contains(err.Error(), "no such network") {
			err = nil
		}
		return answer{killed: killed, err: err}
	}
}

// maxDuration is longer than any process takes, including its wait for a lock.
const maxDuration = 2 * time.Minute

var errHangs = fmt.Errorf("has not ended in %v", maxDuration)

// finish runs a process to its end and reports whether SIGKILL ended it; that is no error.
// An error includes the standard error of the process.
func finish(ctx context.Context, cmd *exec.Cmd, start func(*os.Process) (ended func())) (killed bool, err error) {
	var diagnostics bytes.Buffer
	cmd.Stderr = &diagnostics
	if err := cmd.Start(); err != nil {
		return false, err
	}
	ended := start(cmd.Process)
	defer ended()
	ctx, cancel := context.WithTimeoutCause(ctx, maxDuration, errHangs)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() }) // If it fails, the process has ended.
	err = cmd.Wait()
	stop()
	switch {
	case errors.Is(context.Cause(ctx), errHangs):
		return false, errHangs
	case wasKilled(cmd.ProcessState):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("%w: %s", err, strings.TrimSpace(diagnostics.String()))
	}
	return false, nil
}

func wasKilled(s *os.ProcessState) bool {
	status, ok := s.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// read returns the answer in the plugin's output.
func read(r request, out []byte, err error) answer {
	switch {
	case err == nil && r.command == "ADD":
		addrs, err := faulttest.Addresses(out)
		return answer{addrs: addrs, err: err}
	case err == nil:
		return answer{}
	}
	e := new(types.Error)
	if jsonErr := json.Unmarshal(out, e); jsonErr != nil || e.Code == 0 {
		return answer{err: fmt.Errorf("%w: not a CNI error: %q", err, out)}
	}
	return answer{code: e.Code, err: unexpected(e)}
}

// unexpected returns e, or nil if its code is an expected answer.
func unexpected(e *types.Error) error {
	switch e.Code {
	case tryAgain, exhausted, duplicate, missing:
		return nil
	}
	return e
}
