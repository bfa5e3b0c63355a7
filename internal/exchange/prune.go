package exchange

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/leasehold/leasehold/internal/durable"
)

// A Backup is a store that was replaced, with the files that belong to it.
type Backup struct {
	Path  string    // of the store
	Time  time.Time // when it was replaced
	paths []string  // existing paths: the store, an export, or both
}

// Names returns the names of the networks that have something in the directory [Place.Dir] of a
// data directory. A name that is too long is shortened: see [Fit].
func Names(dataDir string) (names []string, err error) {
	all, err := At(filepath.Join(dataDir, "any")).entries()
	for _, entry := range all {
		at := strings.LastIndex(entry, backupInfix)
		if at <= 0 || slices.Contains(names, entry[:at]) {
			continue
		}
		if _, ok := At(filepath.Join(dataDir, entry[:at])).Parse(entry); ok {
			names = append(names, entry[:at])
		}
	}
	return names, err
}

// Name returns the name of this network as in [Names].
func (p Place) Name() string { return p.stem() }

// Backups returns the backups of the network, newest first. It leaves out a backup that is
// still needed to tell which store is the network's, and anything that cannot be a store.
func (p Place) Backups() ([]Backup, error) {
	names, err := p.entries()
	if err != nil {
		return nil, err
	}
	here, err := p.Stat()
	if err != nil {
		return nil, err
	}
	var all []Backup
	for _, name := range names {
		k, ok := p.Parse(name)
		path := filepath.Join(p.Dir(), strings.TrimSuffix(name, k.Ending))
		if !ok || slices.Contains(names, filepath.Base(path)+nextEnding) || !p.isBackup(filepath.Join(p.Dir(), name), k, here) {
			continue
		}
		i := slices.IndexFunc(all, func(b Backup) bool { return b.Path == path })
		if i < 0 {
			i, all = len(all), append(all, Backup{Path: path, Time: k.Time})
		}
		all[i].paths = append(all[i].paths, filepath.Join(p.Dir(), name))
	}
	slices.SortStableFunc(all, func(a, b Backup) int { return b.Time.Compare(a.Time) })
	return all, nil
}

// isBackup reports whether path has the type of file that its name says, and is not a second
// name of the store in the place: see [Place.CleanUp].
func (p Place) isBackup(path string, k BackupName, here fs.FileInfo) bool {
	info, err := os.Lstat(path)
	if err != nil || here != nil && os.SameFile(here, info) {
		return false
	}
	return info.Mode().IsRegular() || info.IsDir() && k.Ending == ""
}

// Prunable returns the backups, which are sorted newest first, except the first keep of them
// and those replaced at or after the given time.
func Prunable(all []Backup, keep int, before time.Time) []Backup {
	rest := all[min(keep, len(all)):]
	return slices.DeleteFunc(slices.Clone(rest), func(b Backup) bool { return !b.Time.Before(before) })
}

// Prune removes backups, and returns the removed ones. The caller holds [Place.Lock], for which
// no plugin waits.
func (p Place) Prune(some []Backup) (removed []Backup, err error) {
	for _, b := range some {
		if err := p.remove(b); err != nil {
			return removed, errors.Join(err, durable.SyncDir(p.Dir()))
		}
		removed = append(removed, b)
	}
	if len(removed) > 0 {
		err = durable.SyncDir(p.Dir())
	}
	return removed, err
}

// remove removes a backup. It renames the store first, so that a partly removed store does not
// look like a backup.
func (p Place) remove(b Backup) error {
	for _, path := range b.paths {
		if path == b.Path {
			var err error
			if path, err = p.renamePruned(path); err != nil {
				return err
			}
		}
		if err := removeStore(path); err != nil {
			return err
		}
	}
	return nil
}

// renamePruned renames a backup before it is removed.
func (p Place) renamePruned(path string) (string, error) {
	to := p.pathFor(prunedEnding)
	if err := removeStore(to); err != nil { // left by a killed process
		return "", err
	}
	err := os.Rename(path, to)
	var link *os.LinkError
	if errors.As(err, &link) && !errors.Is(err, fs.ErrNotExist) {
		return path, nil // overlayfs cannot rename a directory of a lower layer.
	}
	return to, ignoreNotExist(err)
}

// removeStore removes a file or a directory of leases, its locked file last: that file has the
// mark, and a plugin may be looking at the store through another mount.
func removeStore(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return ignoreNotExist(err)
	}
	if !info.IsDir() {
		return ignoreNotExist(os.Remove(path))
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	err = errors.Join(emptyDir(root), root.Close())
	if err == nil {
		err = os.Remove(path)
	}
	return err
}
