package exchange

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// day returns the path of a backup from that day of a month.
func (p Place) day(n int) string {
	return p.BackupPath("migration", time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC))
}

func pathsOf(backups []Backup) (paths []string) {
	for _, b := range backups {
		paths = append(paths, b.Path)
	}
	return paths
}

// Backups returns only names of BackupPath, and none that is still needed.
func TestBackups(t *testing.T) {
	p := newPlace(t)
	none, err := p.Backups()
	require.NoError(t, err)
	require.Empty(t, none)

	entry{dir: true}.make(t, p.day(1))
	entry{}.make(t, p.day(2))
	entry{}.make(t, Export(p.day(2)))
	entry{}.make(t, Export(p.day(3))) // without its store
	entry{}.make(t, p.day(4))
	entry{dir: true}.make(t, p.day(4)+nextEnding)
	entry{}.make(t, p.path)
	require.NoError(t, os.Link(p.path, p.day(5)))
	require.NoError(t, os.Symlink("/etc", p.day(6)))
	entry{dir: true}.make(t, Export(p.day(7)))
	entry{}.make(t, At(p.path+"2").day(8))
	for _, name := range []string{"podnet.new-file", "podnet.lock", "podnet.before-migration-x", "podnet.before-migration-20260109T000000.000Z.old", "lock"} {
		entry{}.make(t, filepath.Join(p.Dir(), name))
	}
	all, err := p.Backups()
	require.NoError(t, err)
	require.Equal(t, []string{p.day(3), p.day(2), p.day(1)}, pathsOf(all), "newest first")

	names, err := Names(filepath.Dir(p.path))
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"podnet", "podnet2"}, names)

	removed, err := p.Prune(all)
	require.NoError(t, err)
	require.Equal(t, all, removed)
	left, err := p.entries()
	require.NoError(t, err)
	require.Len(t, left, 5+1+5, "%v", left) // days 4 to 8 with their other files, and the five names
	require.NotContains(t, left, filepath.Base(Export(p.day(2))))
	entry{}.requireAt(t, p.path)
}

// A shortened name still identifies one network.
func TestBackupsOfALongName(t *testing.T) {
	long := make([]byte, 250)
	for i := range long {
		long[i] = 'n'
	}
	p := At(filepath.Join(t.TempDir(), string(long)))
	entry{}.make(t, p.day(1))
	names, err := Names(filepath.Dir(p.path))
	require.NoError(t, err)
	require.Equal(t, []string{p.Name()}, names)
	all, err := At(filepath.Join(filepath.Dir(p.path), names[0])).Backups()
	require.NoError(t, err)
	require.Len(t, all, 1)
}

func TestPrunable(t *testing.T) {
	p := newPlace(t)
	for i := range 5 {
		entry{}.make(t, p.day(i+1))
	}
	all, err := p.Backups()
	require.NoError(t, err)
	at := func(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }
	require.Equal(t, []string{p.day(2), p.day(1)}, pathsOf(Prunable(all, 3, at(9))))
	require.Equal(t, []string{p.day(3), p.day(2), p.day(1)}, pathsOf(Prunable(all, 0, at(4))))
	require.Empty(t, Prunable(all, 5, at(9)))
	require.Empty(t, Prunable(all, 9, at(9)))
	require.Empty(t, Prunable(all, 0, at(1)))
}

// A process that is killed while it removes a store leaves none that looks complete, and the
// next process that removes or replaces a store removes the rest.
func TestPruneIsInterrupted(t *testing.T) {
	for name, after := range map[string]func(Place) error{
		"Prune": func(p Place) error {
			all, err := p.Backups()
			require.NoError(t, err)
			_, err = p.Prune(all)
			return err
		},
		"CleanUp": func(p Place) error { _, err := p.CleanUp(p.backupNow()); return err },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			entry{dir: true}.make(t, p.day(1))
			entry{dir: true}.make(t, p.day(2))
			_, err := p.renamePruned(p.day(1))
			require.NoError(t, err)
			all, err := p.Backups()
			require.NoError(t, err)
			require.Equal(t, []string{p.day(2)}, pathsOf(all))
			require.NoError(t, after(p))
			require.NoDirExists(t, p.pathFor(prunedEnding))
		})
	}
}

// In a directory that was replaced, the lock can be a directory.
func TestPruneRemovesABarredDirectory(t *testing.T) {
	p := newPlace(t)
	entry{dir: true}.make(t, p.day(1))
	require.NoError(t, bar(p.day(1)))
	all, err := p.Backups()
	require.NoError(t, err)
	_, err = p.Prune(all)
	require.NoError(t, err)
	require.NoDirExists(t, p.day(1))
}
