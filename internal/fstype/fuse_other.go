//go:build !linux

package fstype

// FUSE is not known here.
func FUSE(string) bool { return false }
