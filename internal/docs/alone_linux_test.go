package docs

import (
	"os"
	"os/exec"
	"syscall"
)

// withoutAddresses has a command see no address of this machine, which could be in a range of
// a document. That takes root; without it, it can only be hoped for.
func withoutAddresses(cmd *exec.Cmd) {
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	}
}
