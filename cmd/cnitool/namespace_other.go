//go:build !linux

package main

import (
	"errors"
	"os/exec"
)

// A namespace is not supported on this system.
type namespace struct{}

func newNamespace() (*namespace, error) {
	return nil, errors.New("network namespaces need Linux")
}

func (*namespace) close() {}

func (*namespace) path() string { return "" }

func (*namespace) start(*exec.Cmd, chan<- error) error { return errors.ErrUnsupported }
