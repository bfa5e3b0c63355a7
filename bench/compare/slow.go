package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/leasehold/leasehold/bench/compare/internal/parts"
	"github.com/leasehold/leasehold/bench/compare/internal/peers"
)

// slowPlace mounts a place whose syncs take longer, on the file system of another one; see
// the command slow. It returns what unmounts it.
func (o options) slowPlace(slow peers.Program, on parts.Place) (parts.Place, func() error, error) {
	if slow.Path == "" {
		return parts.Place{}, nil, errors.New("-slow: " + slow.Version)
	}
	below, mountpoint := filepath.Join(on.Dir, "below-slow"), filepath.Join(on.Dir, "slow")
	if err := errors.Join(os.Mkdir(below, 0o700), os.Mkdir(mountpoint, 0o700)); err != nil {
		return parts.Place{}, nil, err
	}
	cmd := exec.Command(slow.Path, o.slow.String(), below, mountpoint)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return parts.Place{}, nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return parts.Place{}, nil, err
	}
	if err := cmd.Start(); err != nil {
		return parts.Place{}, nil, err
	}
	unmount := func() error { return errors.Join(stdin.Close(), cmd.Wait()) }
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		if errors.Is(err, io.EOF) {
			err = unmount()
		}
		return parts.Place{}, nil, fmt.Errorf("-slow: %w; it needs /dev/fuse, and root or fusermount3", err)
	}
	return parts.Place{Name: "slow", Dir: mountpoint}, unmount, nil
}
