package files

import (
	"errors"
	"io"
	"os"
	"strings"
)

// IsStray reports whether the directory at path never was a store: there is something in it,
// and nothing that a store has. A directory that is empty can be a store's that holds no
// lease; one that cannot be read may be one.
func IsStray(path string) bool {
	d, err := os.Open(path)
	if err != nil {
		return false
	}
	defer d.Close() // It was only read.
	for found := false; ; {
		names, err := d.Readdirnames(256)
		for _, name := range names {
			if isStores(name) {
				return false
			}
			found = true
		}
		if err != nil {
			return found && errors.Is(err, io.EOF)
		}
	}
}

// isStores reports whether a file of that name is one that a store has.
func isStores(name string) bool {
	_, _, isLease := parseName(name)
	return isLease || ownName(name) || strings.HasPrefix(name, cursorPrefix) || strings.HasPrefix(name, ".leasehold-")
}
