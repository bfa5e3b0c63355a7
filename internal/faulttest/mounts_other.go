//go:build !linux

package faulttest

// Bind mounts nothing here.
func Bind(from, to string) (unmount func() error, ok bool) { return nil, false }
