//go:build !linux

package files

// renameNoReplace returns [fs.ErrExist] if to exists.
func (d *dir) renameNoReplace(from, to string) error { return d.checkedRename(from, to) }
