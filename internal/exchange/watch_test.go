//go:build unix

package exchange

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/durable"
)

// A store that was changed since Watch is not replaced, by whatever means, and remains in use.
func TestSwapOfAChangedStore(t *testing.T) {
	for _, oldDir := range []bool{true, false} {
		for _, newDir := range []bool{true, false} {
			for name, w := range map[string]ways{"exchange": {exchange: durable.Exchange}, "rename": {exchange: unsupported}, "remove": {exchange: unsupported, remove: true}} {
				for how, change := range map[string]func(path, locked string){
					"content": func(path, locked string) {
						if oldDir {
							path = filepath.Join(path, "lease")
						}
						require.NoError(t, os.WriteFile(path, []byte("leased meanwhile"), 0o600))
					},
					"same tick": func(path, _ string) { require.NoError(t, os.Chtimes(path, time.Time{}, time.Now())) },
				} {
					p := At(filepath.Join(t.TempDir(), "podnet"))
					require.NoError(t, p.MakeDir())
					entry{oldDir, "old"}.make(t, p.path)
					old, err := p.Watch()
					require.NoError(t, err)
					staged, err := p.StagedFor(newDir, old)
					require.NoError(t, err)
					entry{newDir, "new"}.make(t, staged)
					built, err := os.Lstat(staged)
					require.NoError(t, err)
					change(p.path, storeLockOf(p.path, old))

					_, err = p.swapBy(Swap{Staged: staged, Built: built, Old: old, Backup: p.BackupPath("migration", time.Now())}, w)
					changed := (*ChangedError)(nil)
					require.ErrorAs(t, err, &changed, "%s %s", name, how)
					require.Equal(t, p.path, changed.Path)
					require.NotErrorIs(t, err, ErrInPlace)
					now, err := os.Lstat(p.path)
					require.NoError(t, err)
					require.True(t, os.SameFile(old, now))
					locked, err := os.Lstat(storeLockOf(p.path, old))
					require.NoError(t, err)
					require.False(t, Marked(locked))
					empty, err := p.FinishSwap()
					require.NoError(t, err)
					require.False(t, empty)
					_, err = p.CleanUp(p.BackupPath("migration", time.Now()))
					require.NoError(t, err)
					entries, err := os.ReadDir(p.Dir())
					require.NoError(t, err)
					require.Empty(t, entries)
				}
			}
		}
	}
}

// A process that checks the mode of the locked file before it is marked, and changes it
// afterwards, removes the mark. The names are exchanged back.
func TestSwapOfAStoreThatLosesItsMark(t *testing.T) {
	p := At(filepath.Join(t.TempDir(), "podnet"))
	require.NoError(t, p.MakeDir())
	entry{true, "old"}.make(t, p.path)
	old, err := p.Watch()
	require.NoError(t, err)
	staged, err := p.StagedFor(false, old)
	require.NoError(t, err)
	entry{false, "new"}.make(t, staged)
	built, err := os.Lstat(staged)
	require.NoError(t, err)
	exchanges := 0
	w := ways{exchange: func(a, b string) error {
		if exchanges++; exchanges == 1 {
			require.NoError(t, os.Chmod(filepath.Join(p.path, StoreLock), 0o600))
		}
		return durable.Exchange(a, b)
	}}
	_, err = p.swapBy(Swap{Staged: staged, Built: built, Old: old, Backup: p.BackupPath("migration", time.Now())}, w)
	changed := (*ChangedError)(nil)
	require.ErrorAs(t, err, &changed)
	require.Equal(t, 2, exchanges)
	entry{true, "old"}.requireAt(t, p.path)
	entry{false, "new"}.requireAt(t, staged)
}

// Where names cannot be exchanged, a process has time to remove the mark before the last look. The
// clock of the test goes on only while Swap waits.
func TestSwapInTurnWaitsBeforeItsLastLook(t *testing.T) {
	p := newPlace(t)
	require.NoError(t, p.MakeDir())
	entry{true, "old"}.make(t, p.path)
	old, err := p.Watch()
	require.NoError(t, err)
	staged, err := p.StagedFor(false, old)
	require.NoError(t, err)
	entry{false, "new"}.make(t, staged)
	built, err := os.Lstat(staged)
	require.NoError(t, err)
	backup := p.backupNow()
	synctest.Test(t, func(t *testing.T) {
		w := ways{exchange: func(a, b string) error {
			time.AfterFunc(markPause-1, func() { assert.NoError(t, os.Chmod(filepath.Join(p.path, StoreLock), 0o600)) })
			return unsupported(a, b)
		}}
		_, err := p.swapBy(Swap{Staged: staged, Built: built, Old: old, Backup: backup}, w)
		changed := (*ChangedError)(nil)
		require.ErrorAs(t, err, &changed)
	})
	entry{true, "old"}.requireAt(t, p.path)
	entry{false, "new"}.requireAt(t, staged)
	require.NoDirExists(t, backup)
}

// An old time stays as it is. A recent one, or one in the future, is set to a time that a
// change cannot give.
func TestWatch(t *testing.T) {
	p := At(filepath.Join(t.TempDir(), "podnet"))
	none, err := p.Watch()
	require.NoError(t, err)
	require.Nil(t, none)
	entry{false, "old"}.make(t, p.path)
	for _, age := range []time.Duration{0, -time.Hour, time.Second, time.Hour} {
		at := time.Now().Add(-age)
		require.NoError(t, os.Chtimes(p.path, at, at))
		info, err := p.Watch()
		require.NoError(t, err)
		require.Greater(t, time.Since(info.ModTime()), watchMargin-time.Second, age)
		fresh, err := durable.FreshModTime(p.path)
		require.NoError(t, err)
		require.True(t, fresh.Equal(info.ModTime()))
		if age == time.Hour {
			require.WithinDuration(t, at, info.ModTime(), 2*time.Second)
		}
	}
}

// A store that changes while it is copied aside remains in use.
func TestCopyOfAStoreThatChanges(t *testing.T) {
	p := At(filepath.Join(t.TempDir(), "podnet"))
	require.NoError(t, p.MakeDir())
	require.NoError(t, os.Mkdir(p.path, 0o755))
	s := Swap{Backup: p.BackupPath("migration", time.Now()), checkUnchanged: func() error {
		require.DirExists(t, p.pathFor(copyEnding), "it is copied by now")
		return &ChangedError{p.path}
	}}
	changed := (*ChangedError)(nil)
	require.ErrorAs(t, p.backUpByCopy(s), &changed)
	require.DirExists(t, p.path)
	require.NoDirExists(t, s.Backup)
	require.NoDirExists(t, p.pathFor(copyEnding))
}

// A process with the lock of another mount can find a store waiting while it still has the old
// one open, which is the backup by then. It must not empty it.
func TestBackupDoesNotGiveWay(t *testing.T) {
	p := At(filepath.Join(t.TempDir(), "podnet"))
	require.NoError(t, p.MakeDir())
	require.NoError(t, os.Mkdir(p.path, 0o755))
	root, err := os.OpenRoot(p.path)
	require.NoError(t, err)
	defer root.Close()
	for _, name := range []string{StoreLock, "10.0.0.1"} {
		require.NoError(t, os.WriteFile(filepath.Join(p.path, name), nil, 0o600))
	}
	backup := p.BackupPath("migration", time.Now())
	require.NoError(t, os.Rename(p.path, backup))
	require.NoError(t, os.WriteFile(backup+nextEnding, nil, 0o600))
	require.NoError(t, p.GiveWay(root, true))
	for _, name := range []string{StoreLock, "10.0.0.1"} {
		require.FileExists(t, filepath.Join(backup, name))
	}
}

func TestIsMark(t *testing.T) {
	for mode, want := range map[os.FileMode]bool{
		0o400 | os.ModeSetgid: true,
		0o400:                 true, // a copy by cp
		0o444:                 true,
		os.ModeSetgid:         true,
		0:                     false, // made under umask 0777
		0o600:                 false,
		0o600 | os.ModeSetgid: false, // after chmod -R g+s
		0o660:                 false,
		0o420:                 false,
	} {
		require.Equal(t, want, IsMark(mode), mode)
	}
}

// The transaction of a new store ends while the old one is at the path where the new one was
// built. That does not make the new one a replaced store.
func TestNewStoreIsNotMarked(t *testing.T) {
	p := At(filepath.Join(t.TempDir(), "podnet"))
	require.NoError(t, os.WriteFile(p.path, nil, 0o600))
	built, err := os.Open(p.path)
	require.NoError(t, err)
	defer built.Close()
	for name, mode := range map[string]os.FileMode{"replaced": 0o400 | markBit, "in use": 0o600} {
		require.NoError(t, os.Rename(p.path, p.path+".moved"))
		require.NoError(t, os.WriteFile(p.path, nil, 0o600))
		require.NoError(t, os.Chmod(p.path, mode))
		err := CheckEnd(p.path, built, built, UnknownMode)
		info, statErr := built.Stat()
		require.NoError(t, statErr)
		if name == "in use" {
			require.ErrorIs(t, err, ErrUnderway)
			require.True(t, Marked(info))
		} else {
			require.NoError(t, err)
			require.False(t, Marked(info))
		}
		require.NoError(t, Unmark(built))
		require.NoError(t, os.Rename(p.path+".moved", p.path))
	}
}

// XFS changes the modification time of a directory that is exchanged with a file of another
// directory. That is no change of the store; a lost file is one.
func TestSwapWithADirectoryWhoseTimeChanges(t *testing.T) {
	for _, lost := range []bool{false, true} {
		p := At(filepath.Join(t.TempDir(), "podnet"))
		require.NoError(t, p.MakeDir())
		entry{false, "old"}.make(t, p.path)
		old, err := p.Watch()
		require.NoError(t, err)
		staged, err := p.StagedFor(true, old)
		require.NoError(t, err)
		entry{true, "new"}.make(t, staged)
		require.NoError(t, os.WriteFile(filepath.Join(staged, "10.0.0.2"), nil, 0o600))
		built, err := os.Lstat(staged)
		require.NoError(t, err)
		exchanged := 0
		exchange := func(a, b string) error {
			if err := durable.Exchange(a, b); err != nil || exchanged > 0 {
				return err // The second time the stores change back.
			}
			exchanged++
			if lost {
				return os.Remove(filepath.Join(b, "10.0.0.2"))
			}
			return os.Chtimes(b, time.Time{}, built.ModTime().Add(time.Second))
		}

		_, err = p.swapBy(Swap{Staged: staged, Built: built, Old: old, Backup: p.BackupPath("migration", time.Now())}, ways{exchange: exchange})
		if lost {
			require.ErrorContains(t, err, "is not the store that was built there")
			continue
		}
		require.NoError(t, err)
		now, err := os.Lstat(p.path)
		require.NoError(t, err)
		require.True(t, os.SameFile(built, now))
	}
}
