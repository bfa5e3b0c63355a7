package damage

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes a process end with the test, however the test ends.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
