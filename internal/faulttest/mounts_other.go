//go:build !linux

package faulttest

// Bind is not supported on this system.
func Bind(from, to string) (unmount func() error, ok bool) { return nil, false }
