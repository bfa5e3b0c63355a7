package main

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/leasehold/leasehold/internal/netconf"
)

// dataDirs returns the directories that are searched for stores.
func (t *tool) dataDirs(confs []netconf.Network) []string {
	if len(t.dataDirFlag) > 0 {
		return distinct(t.dataDirFlag)
	}
	dirs := []string{defaultDataDir}
	for _, c := range confs {
		dirs = append(dirs, c.DataDir)
	}
	return distinct(dirs)
}

// storePath returns the path of the store of a configured network, in one of the directories that are
// searched. If --data-dir is given but does not include the configured directory, the store is in the
// first given directory that has it.
func (t *tool) storePath(c netconf.Network) string {
	for _, dir := range t.dirs {
		if netconf.IsSameDir(dir, c.DataDir) {
			return filepath.Join(dir, c.Name)
		}
	}
	for _, dir := range t.dirs {
		if path := filepath.Join(dir, c.Name); exists(path) {
			return path
		}
	}
	return filepath.Join(t.dirs[0], c.Name)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// distinct returns the directories without duplicates, also where one has two names.
func distinct(dirs []string) (once []string) {
	for _, dir := range dirs {
		if !slices.ContainsFunc(once, func(other string) bool { return netconf.IsSameDir(other, dir) }) {
			once = append(once, filepath.Clean(dir))
		}
	}
	return once
}
