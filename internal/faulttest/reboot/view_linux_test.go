package reboot

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/faulttest"
)

func TestMain(m *testing.M) { os.Exit(faulttest.MainWithMounts(m)) }

// A view is how a command sees the boot of the machine.
type view struct {
	id      string // the file with the boot ID; "" for the kernel's own
	started int64  // when the machine has started again, in seconds after it really did; 0 if it has not
}

// host is the view without changes.
func host() view { return view{} }

// another is a view with a new boot ID.
func another(t *testing.T) view {
	t.Helper()
	id, err := os.ReadFile("/proc/sys/kernel/random/uuid")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "boot_id")
	require.NoError(t, os.WriteFile(path, id, 0o444))
	return view{id: path}
}

// unreadable is a view without a boot ID.
func unreadable() view { return view{id: "/dev/null"} }

// garbled is a view with a file in the place of the boot ID that has none.
func garbled(t *testing.T) view {
	t.Helper()
	path := filepath.Join(t.TempDir(), "boot_id")
	require.NoError(t, os.WriteFile(path, []byte("904a784e\x1b[0m\nof what\n"), 0o444))
	return view{id: path}
}

// rebooted is the view after a reboot now.
func (v view) rebooted(t *testing.T) view { return v.startedAgo(t, 0) }

// startedAgo is the view in which the machine seems to have started that many seconds ago.
func (v view) startedAgo(t *testing.T, seconds int64) view {
	t.Helper()
	var up unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_BOOTTIME, &up))
	now, _ := up.Unix()
	v.started = now - seconds
	return v
}

// sleepPastClockResolution sleeps until leases are clearly older than a reboot that
// follows: times are compared in whole seconds.
func sleepPastClockResolution() { time.Sleep(2100 * time.Millisecond) }

// of makes a command run in the view.
func (v view) of(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting over the boot ID needs root")
	}
	args := []string{"unshare", "--mount"}
	if v.started != 0 {
		if _, err := os.Stat("/proc/self/ns/time"); err != nil {
			t.Skip("this kernel has no time namespaces")
		}
		args = append(args, "--time", "--fork", "--boottime", fmt.Sprint(-v.started))
	}
	const script = `[ -z "$0" ] || mount --bind "$0" /proc/sys/kernel/random/boot_id; exec "$@"`
	args = append(args, "sh", "-c", script, v.id, cmd.Path)
	args = append(args, cmd.Args[1:]...)
	path, err := exec.LookPath("unshare")
	require.NoError(t, err)
	cmd.Path, cmd.Args = path, args
	return cmd
}
