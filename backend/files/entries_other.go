//go:build !linux

package files

import "io/fs"

// entries calls visit with each name in the directory. os.File.ReadDir would tell the types,
// too, but by a system call for each file.
func (d *dir) entries(visit func(name string, mode fs.FileMode) error) error {
	if _, err := d.self.Seek(0, 0); err != nil {
		return d.fail("read", "", err)
	}
	names, err := d.self.Readdirnames(-1)
	if err != nil {
		return d.fail("read", "", err)
	}
	for _, name := range names {
		if err := visit(name, unknownMode); err != nil {
			return err
		}
	}
	return nil
}
