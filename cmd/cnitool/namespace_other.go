//go:build !linux

package main

import (
	"errors"
	"io"
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

func isTerminal(io.Reader) bool { return false }
