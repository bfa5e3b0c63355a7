//go:build unix

package main

import "syscall"

// syncAll writes out what all file systems have left to write.
func syncAll() { syscall.Sync() }
