//go:build !linux

package bolt

import "os"

// anonymousFile returns an empty file without a name, where the system can remove an open file.
func anonymousFile() (*os.File, error) {
	f, err := os.CreateTemp("", "leasehold-")
	if err == nil {
		_ = os.Remove(f.Name()) // Then it stays until the system empties the directory.
	}
	return f, err
}
