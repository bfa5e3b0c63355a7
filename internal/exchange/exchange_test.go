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

// A thing is what stands somewhere: a file or a directory, and what it holds.
type thing struct {
	dir  bool
	text string
}

func (th thing) make(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	if th.dir {
		require.NoError(t, os.Mkdir(path, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(path, StoreLock), nil, 0o600))
		path = filepath.Join(path, "content")
	}
	require.NoError(t, os.WriteFile(path, []byte(th.text), 0o600))
}

func (th thing) requireAt(t *testing.T, path string) {
	t.Helper()
	if th.dir {
		path = filepath.Join(path, "content")
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, th.text, string(text))
}

func newPlace(t *testing.T) Place { return At(filepath.Join(t.TempDir(), "podnet")) }

func (p Place) asideNow() string { return p.Aside("migration", time.Now()) }

// swapNow swaps what is staged and what is in the place, whatever they are.
func (p Place) swapNow(t *testing.T, staged, aside string, w ways) error {
	t.Helper()
	old, err := os.Lstat(p.path)
	require.NoError(t, err)
	built, err := os.Lstat(staged)
	require.NoError(t, err)
	unmarked, err := p.swapBy(Swap{Staged: staged, Built: built, Old: old, Aside: aside}, w)
	require.NoError(t, unmarked)
	return err
}

func combinations() [][2]thing {
	return [][2]thing{
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
				aside := p.asideNow()

				require.NoError(t, p.swapNow(t, p.Staged(successor.dir, nil), aside, w))
				successor.requireAt(t, p.path)
				old.requireAt(t, aside)
				require.NoFileExists(t, p.Staged(successor.dir, nil))
				require.NoDirExists(t, p.Staged(successor.dir, nil))

				kept, err := p.CleanUp(p.asideNow())
				require.NoError(t, err)
				require.False(t, kept)
				successor.requireAt(t, p.path)
				old.requireAt(t, aside)
			}
		})
	}
}

// This file system, on which the tests run, has RENAME_EXCHANGE; elsewhere the first
// case above would test the second again.
func TestExchangeIsSupportedHere(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	thing{true, "a"}.make(t, a)
	thing{false, "b"}.make(t, b)
	err := durable.Exchange(a, b)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system, or its file system, cannot exchange names")
	}
	require.NoError(t, err)
	thing{true, "a"}.requireAt(t, b)
	thing{false, "b"}.requireAt(t, a)
}

func TestFinishSwapWhereNothingIs(t *testing.T) {
	p := newPlace(t)
	empty, err := p.FinishSwap()
	require.NoError(t, err)
	require.True(t, empty)
	require.NoDirExists(t, p.Dir())
}

// Between its two moves, a Swap in turn can be interrupted for ever.
func TestFinishSwap(t *testing.T) {
	for _, c := range combinations() {
		p := newPlace(t)
		aside := p.asideNow()
		c[0].make(t, aside)
		c[1].make(t, aside+next)
		empty, err := p.FinishSwap()
		require.NoError(t, err)
		require.False(t, empty)
		c[1].requireAt(t, p.path)
		c[0].requireAt(t, aside)
		require.NoFileExists(t, aside+next)
	}
}

// Before its first move, what waits is no store.
func TestFinishSwapLeavesWhatDoesNotMatterYet(t *testing.T) {
	p := newPlace(t)
	thing{false, "new"}.make(t, p.asideNow()+next)
	empty, err := p.FinishSwap()
	require.NoError(t, err)
	require.True(t, empty)
	require.NoFileExists(t, p.path)
}

func TestFinishSwapLeavesOtherNetworksAlone(t *testing.T) {
	p := newPlace(t)
	for _, name := range []string{"podnet2", "podnet.before-migration", "pod"} {
		aside := At(filepath.Join(filepath.Dir(p.path), name)).asideNow()
		thing{false, "old"}.make(t, aside)
		thing{false, "new"}.make(t, aside+next)
	}
	empty, err := p.FinishSwap()
	require.NoError(t, err)
	require.True(t, empty)
}

func TestCleanUpRemovesWhatWasNeverFinished(t *testing.T) {
	p := newPlace(t)
	thing{true, "here"}.make(t, p.path)
	thing{true, "half"}.make(t, p.Staged(true, nil))
	thing{false, "half"}.make(t, p.Staged(false, nil))
	thing{false, "whole"}.make(t, p.asideNow()+next)
	other := At(filepath.Join(filepath.Dir(p.path), "other"))
	thing{true, "half"}.make(t, other.Staged(true, nil))

	kept, err := p.CleanUp(p.asideNow())
	require.NoError(t, err)
	require.False(t, kept)
	entries, err := os.ReadDir(p.Dir())
	require.NoError(t, err)
	require.Len(t, entries, 1, "the other network's")
	thing{true, "here"}.requireAt(t, p.path)
}

// What has been exchanged, but has not got its name yet, is told by what it is.
func TestCleanUpSetsAsideWhatWasExchanged(t *testing.T) {
	for _, dir := range []bool{true, false} {
		p := newPlace(t)
		thing{dir, "new"}.make(t, p.path)
		thing{!dir, "old"}.make(t, p.Staged(dir, nil))
		aside := p.asideNow()
		kept, err := p.CleanUp(aside)
		require.NoError(t, err)
		require.True(t, kept)
		thing{!dir, "old"}.requireAt(t, aside)
		thing{dir, "new"}.requireAt(t, p.path)
	}
}

// The stock plugin follows a link to its directory, and so a link can be what leaves.
func TestCleanUpSetsAsideALink(t *testing.T) {
	p := newPlace(t)
	thing{false, "new"}.make(t, p.path)
	real := filepath.Join(filepath.Dir(p.path), "elsewhere")
	thing{true, "old"}.make(t, real)
	require.NoError(t, p.MakeDir())
	require.NoError(t, os.Symlink(real, p.Staged(false, nil)))
	aside := p.asideNow()
	kept, err := p.CleanUp(aside)
	require.NoError(t, err)
	require.True(t, kept)
	thing{true, "old"}.requireAt(t, aside)
}

// A program that does not call FinishSwap can make a store while the place is empty. Then
// nothing is removed.
func TestSwapInTurnTellsOfAnIntruder(t *testing.T) {
	p := newPlace(t)
	aside := p.asideNow()
	thing{false, "old"}.make(t, aside)
	thing{false, "new"}.make(t, aside+next)
	thing{true, "intruder"}.make(t, p.path)
	require.NoError(t, p.arrive(aside+next), "that is for arrived to tell")
	require.ErrorContains(t, p.arrived(aside+next), p.path+" was made by a program that does not know of "+aside+next)
	_, err := p.CleanUp(p.asideNow())
	require.ErrorContains(t, err, aside+next)
	thing{false, "new"}.requireAt(t, aside+next)
	thing{false, "old"}.requireAt(t, aside)
}

func TestSwapInTurnGoesBack(t *testing.T) {
	p := newPlace(t)
	thing{true, "old"}.make(t, p.path)
	thing{false, "new"}.make(t, p.Staged(false, nil))
	aside := p.asideNow()
	thing{true, "in the way"}.make(t, aside)
	require.Error(t, p.swapNow(t, p.Staged(false, nil), aside, ways{exchange: unsupported}))
	thing{true, "old"}.requireAt(t, p.path)
	thing{false, "new"}.requireAt(t, p.Staged(false, nil))
}

// While stores change places in turn, whoever asks is never told that there is
// none.
func TestFinishSwapWhileStoresChangePlaces(t *testing.T) {
	p := newPlace(t)
	thing{true, "0"}.make(t, p.path)
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
	start := time.Now()
	for i := range 100 {
		isDir := i%2 == 1
		thing{isDir, "x"}.make(t, p.Staged(isDir, nil))
		require.NoError(t, p.swapNow(t, p.Staged(isDir, nil), p.Aside("test", start.Add(time.Duration(i)*time.Second)), ways{exchange: unsupported}))
	}
	done.Store(true)
	all.Wait()
}

// What another program has put in the place under our hands stays there.
func TestSwapLeavesAStranger(t *testing.T) {
	for _, isDir := range []bool{true, false} {
		p := newPlace(t)
		thing{isDir, "old"}.make(t, p.path)
		old, err := os.Lstat(p.path)
		require.NoError(t, err)
		require.NoError(t, os.Rename(p.path, p.path+".gone"))
		thing{isDir, "stranger"}.make(t, p.path)
		thing{!isDir, "new"}.make(t, p.Staged(!isDir, nil))
		built, err := os.Lstat(p.Staged(!isDir, nil))
		require.NoError(t, err)
		_, err = p.Swap(Swap{Staged: p.Staged(!isDir, nil), Built: built, Old: old, Aside: p.asideNow()})
		require.ErrorContains(t, err, "was replaced by another program meanwhile")
		thing{isDir, "stranger"}.requireAt(t, p.path)
	}
}

// What cannot be looked at is not absent.
func TestFinishSwapThatCannotLook(t *testing.T) {
	p := newPlace(t)
	require.NoError(t, os.WriteFile(p.Dir(), nil, 0o600))
	empty, err := p.FinishSwap()
	require.Error(t, err)
	require.False(t, empty)
}

// A file that got its second name, and then no successor, has one name again.
func TestCleanUpRemovesASecondName(t *testing.T) {
	p := newPlace(t)
	thing{false, "here"}.make(t, p.path)
	thing{false, "half"}.make(t, p.Staged(false, nil))
	require.NoError(t, os.Link(p.path, p.asideNow()))
	_, err := p.CleanUp(p.asideNow())
	require.NoError(t, err)
	entries, err := os.ReadDir(p.Dir())
	require.NoError(t, err)
	require.Empty(t, entries)
	thing{false, "here"}.requireAt(t, p.path)
}

func TestStranded(t *testing.T) {
	p := newPlace(t)
	aside := p.asideNow()
	thing{false, "old"}.make(t, aside)
	thing{false, "new"}.make(t, aside+next)
	thing{true, "intruder"}.make(t, p.path)
	waiting, err := p.Stranded()
	require.NoError(t, err)
	require.Equal(t, aside+next, waiting)
	require.NoError(t, os.Remove(aside+next))
	waiting, err = p.Stranded()
	require.NoError(t, err)
	require.Empty(t, waiting)
}

func TestSettleReplacesNothing(t *testing.T) {
	for _, c := range combinations() {
		p := newPlace(t)
		c[0].make(t, p.path)
		c[1].make(t, p.Staged(c[1].dir, nil))
		built, err := os.Lstat(p.Staged(c[1].dir, nil))
		require.NoError(t, err)
		require.Error(t, p.Settle(p.Staged(c[1].dir, nil), built))
		c[0].requireAt(t, p.path)
		require.NoError(t, os.RemoveAll(p.path))
		require.NoError(t, p.Settle(p.Staged(c[1].dir, nil), built))
		c[1].requireAt(t, p.path)
	}
}

// A link to nothing is in the place while a store waits for it: there is an end, and the
// store stays where it is.
func TestLinkInTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "podnet")
	p := At(path)
	require.NoError(t, p.MakeDir())
	aside := p.Aside("migration", time.Now())
	require.NoError(t, os.Mkdir(aside, 0o755))
	require.NoError(t, os.WriteFile(aside+next, []byte("successor"), 0o600))
	require.NoError(t, os.Symlink("nowhere", path))
	empty, err := p.FinishSwap()
	link := (*LinkError)(nil)
	require.ErrorAs(t, err, &link)
	require.Equal(t, path, link.Path)
	require.False(t, empty)
	require.FileExists(t, aside+next)
	require.NotErrorIs(t, err, fs.ErrNotExist, "it would be taken for a network without leases")
}
