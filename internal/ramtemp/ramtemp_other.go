//go:build !linux

// Package ramtemp keeps the temporary files of short tests in memory.
package ramtemp

// Use is for TestMain. Here it does nothing.
func Use() {}
