package reboot

import (
	"fmt"
	"math"
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
	id      string // the file that it reads the boot ID from; "" is the kernel's own
	started bool   // the machine has started just now
}

// host is what everybody else sees.
func host() view { return view{} }

// another is a view with another boot ID than that of the host.
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

// rebooted is the view after a reboot.
func (v view) rebooted() view {
	v.started = true
	return v
}

// pass lets so much time pass that the clock can tell a reboot from what was before it:
// times are compared in whole seconds.
func pass() { time.Sleep(2100 * time.Millisecond) }

// of has a command see the machine so.
func (v view) of(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("to mount over the boot ID takes root")
	}
	args := []string{"unshare", "--mount"}
	if v.started {
		if _, err := os.Stat("/proc/self/ns/time"); err != nil {
			t.Skip("this kernel has no time namespaces")
		}
		var up unix.Timespec
		require.NoError(t, unix.ClockGettime(unix.CLOCK_BOOTTIME, &up))
		args = append(args, "--time", "--fork", "--boottime", fmt.Sprint(-math.Floor(time.Duration(up.Nano()).Seconds())))
	}
	const script = `[ -z "$0" ] || mount --bind "$0" /proc/sys/kernel/random/boot_id; exec "$@"`
	args = append(args, "sh", "-c", script, v.id, cmd.Path)
	args = append(args, cmd.Args[1:]...)
	path, err := exec.LookPath("unshare")
	require.NoError(t, err)
	cmd.Path, cmd.Args = path, args
	return cmd
}
