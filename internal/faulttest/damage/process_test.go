package damage

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"time"
)

// outputWithin is CombinedOutput that ends a process which goes on for ever.
func outputWithin(cmd *exec.Cmd) (string, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	dieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return "", err
	}
	limit := patience
	if slices.Contains(cmd.Args, "--repair") {
		limit = repairPatience
	}
	timer := time.AfterFunc(limit, func() { cmd.Process.Kill() }) // Wait tells that it was.
	err := cmd.Wait()
	if !timer.Stop() {
		err = fmt.Errorf("no end in %v: %w", limit, err)
	}
	return out.String(), err
}
