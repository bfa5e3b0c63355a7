package owner

import (
	"io/fs"
	"os"
)

// In returns the zero Owner: on Windows a new file inherits the permissions of its directory.
func In(string) Owner { return Owner{} }

// Give does nothing.
func (Owner) Give(int) error { return nil }

// OpenFile is [os.OpenFile].
func OpenFile(path string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(path, flag, perm)
}

// Create makes a file that only its owner can read and write.
func Create(path string) (*os.File, error) {
	return OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// IsForeign returns false.
func IsForeign(fs.FileInfo, fs.FileInfo) bool { return false }

// Mkdir is [os.Mkdir].
func Mkdir(path string, perm fs.FileMode) error { return os.Mkdir(path, perm) }

// Like does nothing.
func Like(string, fs.FileInfo) error { return nil }
