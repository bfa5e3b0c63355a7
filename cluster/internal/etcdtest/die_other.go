//go:build !linux

package etcdtest

import "syscall"

func dieTogether() *syscall.SysProcAttr { return nil }
