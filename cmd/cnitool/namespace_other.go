//go:build !linux

package main

import (
	"errors"
	"os/exec"
)

// A namespace is for Linux.
type namespace struct{}

func newNamespace() (*namespace, error) {
	return nil, errors.New("network namespaces are a feature of Linux")
}

func (*namespace) close() {}

func (*namespace) path() string { return "" }

func (*namespace) start(*exec.Cmd, chan<- error) error { return errors.ErrUnsupported }
