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

// A Backup is a store that was replaced, and what is kept with it.
type Backup struct {
	Path string    // of the store
	Time time.Time // when it was replaced
	all  []string  // the paths that are there: of the store, an export, or both
}

// Names returns what the networks are called, of those with this data directory, of which
// something is kept. For a name that is too long it is the beginning and a hash: see [Fit].
func Names(dataDir string) (names []string, err error) {
	all, err := At(filepath.Join(dataDir, "any")).entries()
	for _, entry := range all {
		at := strings.LastIndex(entry, before)
		if at <= 0 || slices.Contains(names, entry[:at]) {
			continue
		}
		if _, ok := At(filepath.Join(dataDir, entry[:at])).Parse(entry); ok {
			names = append(names, entry[:at])
		}
	}
	return names, err
}

// Name is what [Names] returns for the network of the place.
func (p Place) Name() string { return p.stem() }

// Backups returns the stores that were in the place, newest first. One that is still needed
// to tell which store is the network's is not among them, nor is what cannot be a store.
func (p Place) Backups() ([]Backup, error) {
	names, err := p.entries()
	if err != nil {
		return nil, err
	}
	here, err := p.Standing()
	if err != nil {
		return nil, err
	}
	var all []Backup
	for _, name := range names {
		k, ok := p.Parse(name)
		path := filepath.Join(p.Dir(), strings.TrimSuffix(name, k.Ending))
		if !ok || slices.Contains(names, filepath.Base(path)+next) || !p.isBackup(filepath.Join(p.Dir(), name), k, here) {
			continue
		}
		i := slices.IndexFunc(all, func(b Backup) bool { return b.Path == path })
		if i < 0 {
			i, all = len(all), append(all, Backup{Path: path, Time: k.Time})
		}
		all[i].all = append(all[i].all, filepath.Join(p.Dir(), name))
	}
	slices.SortStableFunc(all, func(a, b Backup) int { return b.Time.Compare(a.Time) })
	return all, nil
}

// isBackup reports whether what is at path is of the kind that its name says, and not a
// second name of the store in the place: see [Place.CleanUp].
func (p Place) isBackup(path string, k Kept, here fs.FileInfo) bool {
	info, err := os.Lstat(path)
	if err != nil || here != nil && os.SameFile(here, info) {
		return false
	}
	return info.Mode().IsRegular() || info.IsDir() && k.Ending == ""
}

// Prunable returns those of the backups, newest first, that are not among the first keep of
// them and were replaced before the time given.
func Prunable(all []Backup, keep int, before time.Time) []Backup {
	rest := all[min(keep, len(all)):]
	return slices.DeleteFunc(slices.Clone(rest), func(b Backup) bool { return !b.Time.Before(before) })
}

// Prune removes backups, and returns those that it has removed. The caller holds the lock of
// [Place.Lock]; a plugin does not wait for it.
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

// remove removes a store that was replaced. It takes its name first: half a store under it
// would be taken for a whole one.
func (p Place) remove(b Backup) error {
	for _, path := range b.all {
		if path == b.Path {
			var err error
			if path, err = p.unname(path); err != nil {
				return err
			}
		}
		if err := removeStore(path); err != nil {
			return err
		}
	}
	return nil
}

// unname gives what is at path the name of what is being removed.
func (p Place) unname(path string) (string, error) {
	to := p.aside(pruned)
	if err := removeStore(to); err != nil { // of a process that was killed
		return "", err
	}
	err := os.Rename(path, to)
	var link *os.LinkError
	if errors.As(err, &link) && !errors.Is(err, fs.ErrNotExist) {
		return path, nil // overlayfs renames no directory of a lower layer.
	}
	return to, ignoreNotExist(err)
}

// removeStore removes a file, or a directory of leases: the file that is locked last. It says
// that the store was replaced, and through another mount a plugin can be looking at it.
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
	err = errors.Join(empty(root), root.Close())
	if err == nil {
		err = os.Remove(path)
	}
	return err
}
