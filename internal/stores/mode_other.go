//go:build unix && !linux

package stores

import "os"

// mayChangeMode reports whether this process may change the mode of a file of that user.
func mayChangeMode(owner uint32) bool {
	return os.Geteuid() == 0 || int64(owner) == int64(os.Geteuid())
}
