package etcdtest

import "syscall"

// dieTogether has a server end with the tests, even if these are killed.
func dieTogether() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
