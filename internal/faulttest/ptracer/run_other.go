//go:build !(linux && amd64)

package ptracer

import (
	"errors"
	"os/exec"
)

// Supported reports whether Run works on this system.
const Supported = false

func run(*exec.Cmd, Hooks) (int, error) { return 0, errors.ErrUnsupported }
