package measure

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A SlowDisk is a mounted file system whose syncs take longer; see the command slow.
type SlowDisk struct {
	Dir    string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// MountSlow has the program slow mount a file system below dir, at first without a delay.
func MountSlow(slow, dir string) (*SlowDisk, error) {
	below, mountpoint := filepath.Join(dir, "below-slow-place"), filepath.Join(dir, "slow-place")
	if err := errors.Join(os.Mkdir(below, 0o700), os.Mkdir(mountpoint, 0o700)); err != nil {
		return nil, err
	}
	cmd := exec.Command(slow, below, mountpoint)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	d := &SlowDisk{mountpoint, cmd, stdin, bufio.NewReader(stdout)}
	if _, err := d.Delay(0); err != nil {
		return nil, errors.Join(fmt.Errorf("%w; a slow disk needs /dev/fuse, and root or fusermount3", err), d.Unmount())
	}
	return d, nil
}

// Delay sets how much longer each sync takes from now on, and returns the number of syncs so far.
func (d *SlowDisk) Delay(by time.Duration) (syncs int, err error) {
	if _, err = fmt.Fprintln(d.stdin, by); err == nil {
		_, err = fmt.Fscanln(d.stdout, &syncs)
	}
	return syncs, err
}

// Unmount ends the program.
func (d *SlowDisk) Unmount() error { return errors.Join(d.stdin.Close(), d.cmd.Wait()) }
