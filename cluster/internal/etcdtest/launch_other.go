//go:build !linux

package etcdtest

import "os/exec"

// Launch starts a process that a test ends.
func Launch(cmd *exec.Cmd) error { return cmd.Start() }
