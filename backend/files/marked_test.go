//go:build unix

package files

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/exchange"
)

// mark marks the directory as a migration does that holds the lock of another mount.
func (b testDir) mark() {
	require.NoError(b, os.Chmod(b.file(lockName), 0o440|os.ModeSetgid|os.ModeSticky))
}

// A store that is marked during a transaction is about to be replaced by a process with another
// lock. A transaction that the other process may not have seen must fail.
func TestMarkedDuringUpdate(t *testing.T) {
	for _, tx := range transactions() {
		t.Run(tx.name, func(t *testing.T) {
			b := newTestDir(t)
			seed(b)
			s := b.open()
			before := b.snapshot()
			err := s.Update(t.Context(), func(u backend.Tx) error {
				b.mark()
				return tx.fn(u)
			})
			require.ErrorIs(t, err, exchange.ErrUnderway, "before the first change")
			require.ErrorIs(t, err, backend.ErrBusy)
			require.ErrorContains(t, err, b.path)
			require.True(t, b.marked(), "the mark is not taken away")
			require.NoError(t, os.Chmod(b.file(lockName), 0o600))
			require.Equal(t, before, b.snapshot())

			b = newTestDir(t)
			seed(b)
			s = b.open()
			steps := 0
			s.step = func(string, ...string) error {
				if steps++; steps == 1 {
					b.mark()
				}
				return nil
			}
			require.ErrorIs(t, s.Update(t.Context(), tx.fn), exchange.ErrUnderway, "after it")
			require.True(t, b.marked())
		})
	}
}

// A transaction that reads the mode before the mark is set, and changes it afterwards, erases the
// mark. It must notice that the directory has left its place.
func TestMovedDuringUpdate(t *testing.T) {
	for name, arrives := range map[string]bool{"nothing arrives": false, "another store has its place": true} {
		for _, tx := range transactions() {
			t.Run(name+"/"+tx.name, func(t *testing.T) {
				b := newTestDir(t)
				seed(b)
				moved := testDir{b.T, b.path + ".moved"}
				err := b.open().Update(t.Context(), func(u backend.Tx) error {
					err := tx.fn(u)
					require.NoError(t, os.Rename(b.path, moved.path))
					if arrives {
						require.NoError(t, os.Mkdir(b.path, 0o755))
					}
					return err
				})
				require.ErrorIs(t, err, exchange.ErrUnderway)
				require.Equal(t, arrives, moved.marked(), "an erased mark is set again")
			})
		}
	}
}

// A transaction that fails can erase the mark, too.
func TestMovedDuringUpdateThatFails(t *testing.T) {
	for _, tx := range transactions() {
		t.Run(tx.name, func(t *testing.T) {
			b := newTestDir(t)
			seed(b)
			moved := testDir{b.T, b.path + ".moved"}
			s := b.open()
			s.step = func(string, ...string) error {
				if _, err := os.Stat(moved.path); err != nil {
					require.NoError(t, os.Rename(b.path, moved.path))
					require.NoError(t, os.Mkdir(b.path, 0o755))
				}
				return errors.New("planted")
			}
			require.ErrorContains(t, s.Update(t.Context(), tx.fn), "planted")
			require.True(t, moved.marked())
		})
	}
}

func (b testDir) marked() bool {
	info, err := os.Stat(b.file(lockName))
	require.NoError(b, err)
	return exchange.Marked(info)
}

// The process that marks a store holds its lock, and its own transaction succeeds.
func TestMarkedByItself(t *testing.T) {
	b := newTestDir(t)
	seed(b)
	b.update(func(backend.Tx) error {
		b.mark()
		return nil
	})
	require.True(t, b.marked())
}
