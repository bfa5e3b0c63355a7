//go:build !linux

package files

// renameNoReplace gives a file a name that nothing has.
func (d *dir) renameNoReplace(from, to string) error { return d.checkedRename(from, to) }
