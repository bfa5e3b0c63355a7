package exchange

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/durable"
)

// An entry is a file or a directory with a file in it.
type entry struct {
	dir  bool
	text string
}

func (e entry) make(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	if e.dir {
		require.NoError(t, os.Mkdir(path, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(path, StoreLock), nil, 0o600))
		path = filepath.Join(path, "content")
	}
	require.NoError(t, os.WriteFile(path, []byte(e.text), 0o600))
}

func (e entry) requireAt(t *testing.T, path string) {
	t.Helper()
	if e.dir {
		path = filepath.Join(path, "content")
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, e.text, string(text))
}

func newPlace(t *testing.T) Place { return At(filepath.Join(t.TempDir(), "podnet")) }

func (p Place) backupNow() string { return p.BackupPath("migration", time.Now()) }

// swapNow swaps the stores at staged and in the place.
func (p Place) swapNow(t *testing.T, staged, backup string, w ways) error {
	t.Helper()
	old, err := os.Lstat(p.path)
	require.NoError(t, err)
	built, err := os.Lstat(staged)
	require.NoError(t, err)
	unmarked, err := p.swapBy(Swap{Staged: staged, Built: built, Old: old, Backup: backup}, w)
	require.NoError(t, unmarked)
	return err
}

func combinations() [][2]entry {
	return [][2]entry{
		{{false, "old"}, {true, "new"}},
		{{true, "old"}, {false, "new"}},
		{{false, "old"}, {false, "new"}},
		{{true, "old"}, {true, "new"}},
	}
}

func TestSwap(t *testing.T) {
	for name, w := range map[string]ways{
		"by exchange": {exchange: durable.Exchange}, "in turn": {exchange: unsupported},
		"by removal": {exchange: unsupported, remove: true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range combinations() {
				p := newPlace(t)
				old, successor := c[0], c[1]
				old.make(t, p.path)
				successor.make(t, p.Staged(successor.dir, nil))
				backup := p.backupNow()

				require.NoError(t, p.swapNow(t, p.Staged(successor.dir, nil), backup, w))
				successor.requireAt(t, p.path)
				old.requireAt(t, backup)
				require.NoFileExists(t, p.Staged(successor.dir, nil))
				require.NoDirExists(t, p.Staged(successor.dir, nil))

				kept, err := p.CleanUp(p.backupNow())
				require.NoError(t, err)
				require.False(t, kept)
				successor.requireAt(t, p.path)
				old.requireAt(t, backup)
			}
		})
	}
}

// On a file system without RENAME_EXCHANGE, the first case above would repeat the second.
func TestExchangeIsSupportedHere(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	entry{true, "a"}.make(t, a)
	entry{false, "b"}.make(t, b)
	err := durable.Exchange(a, b)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system, or its file system, cannot exchange names")
	}
	require.NoError(t, err)
	entry{true, "a"}.requireAt(t, b)
	entry{false, "b"}.requireAt(t, a)
}

func TestFinishSwapWithoutStores(t *testing.T) {
	p := newPlace(t)
	empty, err := p.FinishSwap()
	require.NoError(t, err)
	require.True(t, empty)
	require.NoDirExists(t, p.Dir())
}

// A Swap in turn can be interrupted between its two moves.
func TestFinishSwap(t *testing.T) {
	for _, c := range combinations() {
		p := newPlace(t)
		backup := p.backupNow()
		c[0].make(t, backup)
		c[1].make(t, backup+nextEnding)
		empty, err := p.FinishSwap()
		require.NoError(t, err)
		require.False(t, empty)
		c[1].requireAt(t, p.path)
		c[0].requireAt(t, backup)
		require.NoFileExists(t, backup+nextEnding)
	}
}

// Before the first move, the new store does not wait.
func TestFinishSwapBeforeTheFirstMove(t *testing.T) {
	p := newPlace(t)
	entry{false, "new"}.make(t, p.backupNow()+nextEnding)
	empty, err := p.FinishSwap()
	require.NoError(t, err)
	require.True(t, empty)
	require.NoFileExists(t, p.path)
}

func TestFinishSwapLeavesOtherNetworksAlone(t *testing.T) {
	p := newPlace(t)
	for _, name := range []string{"podnet2", "podnet.before-migration", "pod"} {
		backup := At(filepath.Join(filepath.Dir(p.path), name)).backupNow()
		entry{false, "old"}.make(t, backup)
		entry{false, "new"}.make(t, backup+nextEnding)
	}
	empty, err := p.FinishSwap()
	require.NoError(t, err)
	require.True(t, empty)
}

func TestCleanUpRemovesUnfinishedStores(t *testing.T) {
	p := newPlace(t)
	entry{true, "here"}.make(t, p.path)
	entry{true, "half"}.make(t, p.Staged(true, nil))
	entry{false, "half"}.make(t, p.Staged(false, nil))
	entry{false, "whole"}.make(t, p.backupNow()+nextEnding)
	other := At(filepath.Join(filepath.Dir(p.path), "other"))
	entry{true, "half"}.make(t, other.Staged(true, nil))

	kept, err := p.CleanUp(p.backupNow())
	require.NoError(t, err)
	require.False(t, kept)
	entries, err := os.ReadDir(p.Dir())
	require.NoError(t, err)
	require.Len(t, entries, 1, "the other network's")
	entry{true, "here"}.requireAt(t, p.path)
}

// A store that was exchanged, but has not got its backup name yet, is recognised by its type.
func TestCleanUpSetsAsideAnExchangedStore(t *testing.T) {
	for _, dir := range []bool{true, false} {
		p := newPlace(t)
		entry{dir, "new"}.make(t, p.path)
		entry{!dir, "old"}.make(t, p.Staged(dir, nil))
		backup := p.backupNow()
		kept, err := p.CleanUp(backup)
		require.NoError(t, err)
		require.True(t, kept)
		entry{!dir, "old"}.requireAt(t, backup)
		entry{dir, "new"}.requireAt(t, p.path)
	}
}

// The stock plugin follows a link to its directory, so the old store can be a link.
func TestCleanUpSetsAsideALink(t *testing.T) {
	p := newPlace(t)
	entry{false, "new"}.make(t, p.path)
	real := filepath.Join(filepath.Dir(p.path), "elsewhere")
	entry{true, "old"}.make(t, real)
	require.NoError(t, p.MakeDir())
	require.NoError(t, os.Symlink(real, p.Staged(false, nil)))
	backup := p.backupNow()
	kept, err := p.CleanUp(backup)
	require.NoError(t, err)
	require.True(t, kept)
	entry{true, "old"}.requireAt(t, backup)
}

// A program that does not call FinishSwap can make a store while the place is empty. Then
// nothing is removed.
func TestBlockedSwapInTurn(t *testing.T) {
	p := newPlace(t)
	backup := p.backupNow()
	entry{false, "old"}.make(t, backup)
	entry{false, "new"}.make(t, backup+nextEnding)
	entry{true, "intruder"}.make(t, p.path)
	require.NoError(t, p.moveIn(backup+nextEnding), "checkMoved reports it")
	require.ErrorContains(t, p.checkMoved(backup+nextEnding), p.path+" was made by a program that does not know of "+backup+nextEnding)
	_, err := p.CleanUp(p.backupNow())
	require.ErrorContains(t, err, backup+nextEnding)
	entry{false, "new"}.requireAt(t, backup+nextEnding)
	entry{false, "old"}.requireAt(t, backup)
}

func TestSwapInTurnGoesBack(t *testing.T) {
	p := newPlace(t)
	entry{true, "old"}.make(t, p.path)
	entry{false, "new"}.make(t, p.Staged(false, nil))
	backup := p.backupNow()
	entry{true, "in the way"}.make(t, backup)
	require.Error(t, p.swapNow(t, p.Staged(false, nil), backup, ways{exchange: unsupported}))
	entry{true, "old"}.requireAt(t, p.path)
	entry{false, "new"}.requireAt(t, p.Staged(false, nil))
}

// During a swap in turn, FinishSwap never reports an empty place.
func TestFinishSwapWhileStoresChangePlaces(t *testing.T) {
	p := newPlace(t)
	entry{true, "0"}.make(t, p.path)
	var done atomic.Bool
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for !done.Load() {
				empty, err := p.FinishSwap()
				assert.NoError(t, err)
				assert.False(t, empty)
			}
		})
	}
	start, swaps := time.Now(), 100
	if testing.Short() { // Each takes the pause after the mark.
		swaps = 4
	}
	for i := range swaps {
		isDir := i%2 == 1
		entry{isDir, "x"}.make(t, p.Staged(isDir, nil))
		require.NoError(t, p.swapNow(t, p.Staged(isDir, nil), p.BackupPath("test", start.Add(time.Duration(i)*time.Second)), ways{exchange: unsupported}))
	}
	done.Store(true)
	all.Wait()
}

// A store that another program puts in the place during a swap stays there.
func TestSwapLeavesAStranger(t *testing.T) {
	for _, isDir := range []bool{true, false} {
		p := newPlace(t)
		entry{isDir, "old"}.make(t, p.path)
		old, err := os.Lstat(p.path)
		require.NoError(t, err)
		require.NoError(t, os.Rename(p.path, p.path+".gone"))
		entry{isDir, "stranger"}.make(t, p.path)
		entry{!isDir, "new"}.make(t, p.Staged(!isDir, nil))
		built, err := os.Lstat(p.Staged(!isDir, nil))
		require.NoError(t, err)
		_, err = p.Swap(Swap{Staged: p.Staged(!isDir, nil), Built: built, Old: old, Backup: p.backupNow()})
		require.ErrorContains(t, err, "was replaced by another program meanwhile")
		entry{isDir, "stranger"}.requireAt(t, p.path)
	}
}

func TestFinishSwapWithUnreadableDir(t *testing.T) {
	p := newPlace(t)
	require.NoError(t, os.WriteFile(p.Dir(), nil, 0o600))
	empty, err := p.FinishSwap()
	require.Error(t, err)
	require.False(t, empty)
}

func TestCleanUpRemovesASecondName(t *testing.T) {
	p := newPlace(t)
	entry{false, "here"}.make(t, p.path)
	entry{false, "half"}.make(t, p.Staged(false, nil))
	require.NoError(t, os.Link(p.path, p.backupNow()))
	_, err := p.CleanUp(p.backupNow())
	require.NoError(t, err)
	entries, err := os.ReadDir(p.Dir())
	require.NoError(t, err)
	require.Empty(t, entries)
	entry{false, "here"}.requireAt(t, p.path)
}

func TestBlocked(t *testing.T) {
	p := newPlace(t)
	backup := p.backupNow()
	entry{false, "old"}.make(t, backup)
	entry{false, "new"}.make(t, backup+nextEnding)
	entry{true, "intruder"}.make(t, p.path)
	waiting, err := p.Blocked()
	require.NoError(t, err)
	require.Equal(t, backup+nextEnding, waiting)
	require.NoError(t, os.Remove(backup+nextEnding))
	waiting, err = p.Blocked()
	require.NoError(t, err)
	require.Empty(t, waiting)
}

func TestPutNewReplacesNothing(t *testing.T) {
	for _, c := range combinations() {
		p := newPlace(t)
		c[0].make(t, p.path)
		c[1].make(t, p.Staged(c[1].dir, nil))
		built, err := os.Lstat(p.Staged(c[1].dir, nil))
		require.NoError(t, err)
		require.Error(t, p.PutNew(p.Staged(c[1].dir, nil), built))
		c[0].requireAt(t, p.path)
		require.NoError(t, os.RemoveAll(p.path))
		require.NoError(t, p.PutNew(p.Staged(c[1].dir, nil), built))
		c[1].requireAt(t, p.path)
	}
}

// A dangling link is in the place while a store waits for it: FinishSwap returns, and the store
// keeps waiting.
func TestLinkInTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "podnet")
	p := At(path)
	require.NoError(t, p.MakeDir())
	backup := p.BackupPath("migration", time.Now())
	require.NoError(t, os.Mkdir(backup, 0o755))
	require.NoError(t, os.WriteFile(backup+nextEnding, []byte("successor"), 0o600))
	require.NoError(t, os.Symlink("nowhere", path))
	empty, err := p.FinishSwap()
	link := (*LinkError)(nil)
	require.ErrorAs(t, err, &link)
	require.Equal(t, path, link.Path)
	require.False(t, empty)
	require.FileExists(t, backup+nextEnding)
	require.NotErrorIs(t, err, fs.ErrNotExist, "it would be taken for a network without leases")
}
