package durable

import "os"

// renameCarefully is RenameNew where the system cannot refuse to replace by itself:
// a second name is made, which nothing can have yet, before the first goes.
// Directories get no second name, but never replace anything that is not empty.
func renameCarefully(path, to string) error {
	if info, err := os.Lstat(path); err != nil || info.IsDir() {
		return os.Rename(path, to)
	}
	err := os.Link(path, to)
	if err == nil {
		return os.Remove(path)
	}
	if os.IsExist(err) {
		return err
	}
	return os.Rename(path, to) // There are no links here either.
}
