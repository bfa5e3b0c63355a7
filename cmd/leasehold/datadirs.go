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
		if dir := c.DataDir; !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// storePath returns the path of the store of a configured network. If --data-dir is given but
// does not include the configured directory, the store is in the first given directory that
// has it.
func (t *tool) storePath(c netconf.Network) string {
	if len(t.dataDirFlag) == 0 {
		return c.Path()
	}
	for _, dir := range t.dataDirFlag {
		if filepath.Clean(dir) == filepath.Clean(c.DataDir) {
			return c.Path()
		}
	}
	for _, dir := range t.dataDirFlag {
		if path := filepath.Join(dir, c.Name); exists(path) {
			return path
		}
	}
	return filepath.Join(t.dataDirFlag[0], c.Name)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// distinct returns the directories without duplicates.
func distinct(dirs []string) (once []string) {
	for _, dir := range dirs {
		if dir = filepath.Clean(dir); !slices.Contains(once, dir) {
			once = append(once, dir)
		}
	}
	return once
}
