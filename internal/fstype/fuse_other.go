//go:build !linux

package fstype

// FUSE is not detected on this system.
func FUSE(string) bool { return false }
