package damage

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"time"
)

// outputWithin is CombinedOutput with a time limit.
func outputWithin(cmd *exec.Cmd) (string, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	dieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return "", err
	}
	limit := timeLimit
	if slices.Contains(cmd.Args, "--repair") {
		limit = repairTimeLimit
	}
	timer := time.AfterFunc(limit, func() { cmd.Process.Kill() }) // Wait returns the result.
	err := cmd.Wait()
	if !timer.Stop() {
		err = fmt.Errorf("did not end within %v: %w", limit, err)
	}
	return out.String(), err
}
