//go:build unix

package files

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	killDirEnv = "LEASEHOLD_FILES_KILL_DIR"
	killTxEnv  = "LEASEHOLD_FILES_KILL_TX"
	killAtEnv  = "LEASEHOLD_FILES_KILL_AT"
)

// TestKilledProcess is TestKill with a process and SIGKILL, so that the kernel releases the
// locks.
func TestKilledProcess(t *testing.T) {
	if os.Getenv(killDirEnv) != "" {
		dieInUpdate(t)
		return
	}
	for i, tx := range transactions() {
		t.Run(tx.name, func(t *testing.T) {
			for n := 1; ; n++ {
				b := newTestDir(t)
				seed(b)
				if !b.updateInProcess(i, n) {
					require.Equal(t, tx.after, b.snapshot())
					return
				}
				requireEither(b, tx, n)
				b.update(nothing)
				requireEither(b, tx, n)
				b.requireWorks()
			}
		})
	}
}

func (b testDir) updateInProcess(tx, n int) (killed bool) {
	b.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilledProcess$")
	child.Env = append(os.Environ(), killDirEnv+"="+b.path, fmt.Sprint(killTxEnv, "=", tx), fmt.Sprint(killAtEnv, "=", n))
	out, err := child.CombinedOutput()
	if err == nil {
		return false
	}
	status, ok := child.ProcessState.Sys().(syscall.WaitStatus)
	require.True(b, ok && status.Signaled() && status.Signal() == syscall.SIGKILL, "%s %v", out, err)
	return true
}

func dieInUpdate(t *testing.T) {
	i, err := strconv.Atoi(os.Getenv(killTxEnv))
	require.NoError(t, err)
	n, err := strconv.Atoi(os.Getenv(killAtEnv))
	require.NoError(t, err)
	s := Open(os.Getenv(killDirEnv))
	s.step = (&killer{n: n, kill: func() {
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
		select {}
	}}).step
	require.NoError(t, s.Update(t.Context(), transactions()[i].fn))
}
