package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/leasehold/leasehold/bench/compare/internal/parts"
	"github.com/leasehold/leasehold/bench/compare/internal/peers"
)

// A slowDisk is a place whose syncs take longer; see the command slow.
type slowDisk struct {
	parts.Place
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// mountSlow mounts a slow disk on the file system of another place, at first without a delay.
func mountSlow(slow peers.Program, on parts.Place) (*slowDisk, error) {
	if slow.Path == "" {
		return nil, errors.New("-slow: " + slow.Version)
	}
	below, mountpoint := filepath.Join(on.Dir, "below-slow-place"), filepath.Join(on.Dir, "slow-place")
	if err := errors.Join(os.Mkdir(below, 0o700), os.Mkdir(mountpoint, 0o700)); err != nil {
		return nil, err
	}
	cmd := exec.Command(slow.Path, below, mountpoint)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	d := &slowDisk{parts.Place{Name: "slow", Dir: mountpoint}, cmd, stdin, bufio.NewReader(stdout)}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if err := d.delay(0); err != nil {
		return nil, errors.Join(fmt.Errorf("-slow: %w; it needs /dev/fuse, and root or fusermount3", err), d.unmount())
	}
	return d, nil
}

// delay sets how much longer each sync takes from now on.
func (d *slowDisk) delay(by time.Duration) error {
	if _, err := fmt.Fprintln(d.stdin, by); err != nil {
		return err
	}
	_, err := d.stdout.ReadString('\n')
	return err
}

func (d *slowDisk) unmount() error { return errors.Join(d.stdin.Close(), d.cmd.Wait()) }
