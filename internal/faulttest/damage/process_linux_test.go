package damage

import (
	"os/exec"
	"syscall"
)

// dieWithParent has a process end when the test does, however that ends.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
