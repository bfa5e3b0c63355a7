//go:build !linux

package docs

import "os/exec"

func hideHostAddresses(*exec.Cmd) {}
