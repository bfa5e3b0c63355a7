package docs

import (
	"os"
	"os/exec"
	"syscall"
)

// hideHostAddresses runs a command in a new network namespace, because an address of this
// machine could be in a range of a document. Without root it does nothing.
func hideHostAddresses(cmd *exec.Cmd) {
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	}
}
