package etcdtest

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// starts gets the processes to start.
var starts = sync.OnceValue(func() chan<- func() {
	calls := make(chan func())
	go func() {
		runtime.LockOSThread() // It is never unlocked, and the goroutine never ends.
		for call := range calls {
			call()
		}
	}()
	return calls
})

// Launch starts a process that ends with the tests, even if these are killed. The kernel ends it with the
// thread that has started it, so that is a thread which does nothing else: others end with a goroutine
// that was locked to them, as the goroutines of a tracer are.
func Launch(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	done := make(chan error)
	starts() <- func() { done <- cmd.Start() }
	return <-done
}
