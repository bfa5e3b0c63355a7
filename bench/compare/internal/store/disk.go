package store

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// OnDisk returns how many bytes the store occupies: the blocks of its files and,
// where it is a directory, of the directory. A store that does not exist yet
// occupies none.
func (s *Store) OnDisk() (int64, error) {
	var sum int64
	err := filepath.WalkDir(s.Network.Path(), func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		sum += occupied(info)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return sum, err
}
