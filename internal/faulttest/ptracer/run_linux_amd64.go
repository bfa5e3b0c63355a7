package ptracer

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Supported reports whether Run works on this system.
const Supported = true

// run traces in a locked thread, because a tracer is a thread. The goroutine does not
// unlock it, so the thread exits with the goroutine.
func run(cmd *exec.Cmd, h Hooks) (calls int, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		t := tracer{hooks: h, threads: make(map[int]*thread)}
		err = t.trace(cmd)
		calls = t.calls
	}()
	<-done
	return calls, err
}

// A tracer follows the threads of a process and its children.
type tracer struct {
	hooks   Hooks
	calls   int
	threads map[int]*thread
}

// A thread is in at most one call.
type thread struct {
	pid  int
	call *Call
	fail syscall.Errno // the error that the call must return
}

const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_EXITKILL |
	unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC

func (t *tracer) trace(cmd *exec.Cmd) error {
	attr := syscall.SysProcAttr{}
	if cmd.SysProcAttr != nil {
		attr = *cmd.SysProcAttr
	}
	attr.Ptrace = true
	attr.Setpgid = true // follow waits for the group
	cmd.SysProcAttr = &attr
	if err := cmd.Start(); err != nil {
		return err
	}
	var late atomic.Bool
	timer := time.AfterFunc(Limit, func() {
		late.Store(true)
		cmd.Process.Kill() // If it fails, the process has ended.
	})
	status, err := t.follow(cmd.Process.Pid)
	timer.Stop()
	// The process has been waited for already. Wait closes the pipes.
	if waitErr := cmd.Wait(); err == nil && !errors.Is(waitErr, unix.ECHILD) {
		err = waitErr
	}
	switch {
	case err != nil:
		return err
	case late.Load():
		return ErrLimit
	case status.Signaled():
		return &ExitError{Code: -1, Signal: status.Signal()}
	case status.ExitStatus() != 0:
		return &ExitError{Code: status.ExitStatus()}
	}
	return nil
}

// follow returns the status of the started process when all processes of the group have
// ended.
func (t *tracer) follow(first int) (status unix.WaitStatus, err error) {
	for {
		var ws unix.WaitStatus
		// Wait for this group only: other goroutines wait for other children.
		tid, waitErr := unix.Wait4(-first, &ws, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case waitErr == unix.EINTR:
			continue
		case waitErr == unix.ECHILD:
			return status, err
		case waitErr != nil:
			return status, waitErr
		case ws.Stopped():
			if stopErr := t.stopped(tid, ws); stopErr != nil && !errors.Is(stopErr, unix.ESRCH) && err == nil {
				err = fmt.Errorf("thread %d: %w", tid, stopErr)
				unix.Kill(first, unix.SIGKILL) // If it fails, the process has ended.
			}
		default:
			if tid == first {
				status = ws
			}
			delete(t.threads, tid)
		}
	}
}

// stopped handles the stop of a thread and lets it continue.
func (t *tracer) stopped(tid int, ws unix.WaitStatus) error {
	th, known := t.threads[tid]
	if !known {
		th = &thread{pid: processOf(tid)}
		t.threads[tid] = th
		if err := unix.PtraceSetOptions(tid, options); err != nil {
			return err
		}
	}
	switch sig := ws.StopSignal(); {
	case sig == unix.SIGTRAP|0x80:
		return t.syscall(tid, th)
	case sig == unix.SIGTRAP, !known && sig == unix.SIGSTOP: // caused by tracing
		return unix.PtraceSyscall(tid, 0)
	default:
		return unix.PtraceSyscall(tid, int(sig))
	}
}

// syscall handles the entry of a call, or its return.
func (t *tracer) syscall(tid int, th *thread) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return err
	}
	if th.call != nil {
		return t.leave(tid, th, &regs)
	}
	// The kernel presets the result to ENOSYS at the entry of a call. The return of a call
	// that is not followed never has this result.
	if int64(regs.Rax) == -int64(unix.ENOSYS) {
		if call := t.decode(tid, &regs); call != nil {
			call.PID = th.pid
			return t.enter(tid, th, call, &regs)
		}
	}
	return unix.PtraceSyscall(tid, 0)
}

func (t *tracer) enter(tid int, th *thread, call *Call, regs *unix.PtraceRegs) error {
	t.calls++
	call.N = t.calls
	th.call, th.fail = call, 0
	if t.hooks.Enter == nil {
		return unix.PtraceSyscall(tid, 0)
	}
	action := t.hooks.Enter(call)
	switch {
	case action.Kill:
		// The thread handles the signal before it performs the call.
		return unix.Kill(th.pid, unix.SIGKILL)
	case action.Errno != 0:
		th.fail = action.Errno
		regs.Orig_rax = ^uint64(0)
	case action.Short != 0:
		regs.Rdx = uint64(action.Short)
	default:
		return unix.PtraceSyscall(tid, 0)
	}
	if err := unix.PtraceSetRegs(tid, regs); err != nil {
		return err
	}
	return unix.PtraceSyscall(tid, 0)
}

func (t *tracer) leave(tid int, th *thread, regs *unix.PtraceRegs) error {
	call := th.call
	th.call = nil
	if th.fail != 0 {
		regs.Rax = uint64(-int64(th.fail))
		if err := unix.PtraceSetRegs(tid, regs); err != nil {
			return err
		}
	}
	call.Result = int64(regs.Rax)
	if t.hooks.Leave != nil {
		t.hooks.Leave(call)
	}
	return unix.PtraceSyscall(tid, 0)
}
