package files

import (
	"errors"
	"maps"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// errDisk stands for an I/O error.
var errDisk = errors.New("the disk is on fire")

// TestFault makes one step of a transaction fail, for each step.
func TestFault(t *testing.T) {
	one := transactions()[0]
	one.name, one.fn = "a Put", put(lease("10.0.0.3", "new"))
	one.after = maps.Clone(one.before)
	one.after["10.0.0.3"] = "new (eth0)"
	for _, tx := range append(transactions(), one) {
		t.Run(tx.name, func(t *testing.T) {
			for n := 1; ; n++ {
				b := newTestDir(t)
				seed(b)
				steps := 0
				s := b.open()
				s.step = func(string, ...string) error {
					if steps++; steps == n {
						return errDisk
					}
					return nil
				}
				err := s.Update(t.Context(), tx.fn)
				if err == nil { // The failed step wrote a cursor, or cleaned up.
					require.Equal(t, tx.after, b.snapshot(), "step %d", n)
				} else {
					require.ErrorIs(t, err, errDisk)
					require.ErrorContains(t, err, b.path)
					if tx.deletes {
						requireEither(b, tx, n)
					} else {
						require.Equal(t, tx.before, b.snapshot(), "step %d", n)
					}
				}
				b.requireWorks()
				if steps < n {
					return
				}
			}
		})
	}
}

// TestFaultsFromStep makes all steps fail from some step on, as if the disk went away and came
// back for the next transaction.
func TestFaultsFromStep(t *testing.T) {
	for _, tx := range transactions() {
		t.Run(tx.name, func(t *testing.T) {
			for n := 1; ; n++ {
				b := newTestDir(t)
				seed(b)
				steps := 0
				s := b.open()
				s.step = func(string, ...string) error {
					if steps++; steps >= n {
						return errDisk
					}
					return nil
				}
				err := s.Update(t.Context(), tx.fn)
				if err != nil {
					require.ErrorIs(t, err, errDisk)
				}
				requireEither(b, tx, n)
				b.requireWorks()
				if err == nil {
					require.Equal(t, tx.after, b.snapshot())
				}
				if steps < n {
					return
				}
			}
		})
	}
}

// full is the step function of a full disk: it has no space for a file, or a longer directory.
func full(op string, _ ...string) error {
	if op == "create" || op == "write" {
		return syscall.ENOSPC
	}
	return nil
}

func TestFullDisk(t *testing.T) {
	b := newTestDir(t)
	seed(b)
	s := b.open()
	s.step = full
	for _, fn := range []func(backend.Tx) error{
		put(lease("10.0.0.3", "new")), put(lease("10.0.0.3", "new"), lease("10.0.0.4", "new")),
	} {
		err := s.Update(t.Context(), fn)
		require.ErrorIs(t, err, backend.ErrNoSpace)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorContains(t, err, b.file(newPrefix))
	}
	require.Len(t, b.snapshot(), 4)
	require.NoError(t, s.Update(t.Context(), remove("10.0.0.1", "fd00::1")))
	require.NoError(t, s.Update(t.Context(), remove("10.0.0.2")))
	require.Equal(t, snapshot{"boot": "first"}, b.snapshot())
}

// TestDeleteWithoutAJournal makes each step that writes the journal fail, with the error of
// sshfs for a full disk.
func TestDeleteWithoutAJournal(t *testing.T) {
	for _, failing := range []string{"create", "write", "sync", "rename"} {
		b := newTestDir(t)
		seed(b)
		s := b.open()
		s.step = func(op string, names ...string) error {
			if op == failing && strings.HasPrefix(names[0], keptNewPrefix) {
				return syscall.EIO
			}
			return nil
		}
		require.NoError(t, s.Update(t.Context(), remove("10.0.0.1", "fd00::1")), failing)
		require.Equal(t, snapshot{"10.0.0.2": "two (eth0)", "boot": "first"}, b.snapshot())
		b.update(nothing)
		require.Equal(t, snapshot{"10.0.0.2": "two (eth0)", "boot": "first"}, b.snapshot())
		b.requireWorks()
	}
}

// TestColon has a file system that rejects colons as exFAT does.
func TestColon(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOENT, syscall.EINVAL} {
		b := newTestDir(t)
		s := b.open()
		s.step = func(op string, names ...string) error {
			if op == "create" && strings.Contains(names[0], ":") {
				return errno
			}
			return nil
		}
		err := s.Update(t.Context(), put(lease("10.0.0.3", "new"), lease("fd00::3", "new")))
		require.ErrorIs(t, err, backend.ErrNames)
		require.ErrorIs(t, err, errno)
		require.ErrorContains(t, err, b.path)
		require.Equal(t, []string{lockName}, b.names())
		require.NoError(t, s.Update(t.Context(), put(lease("10.0.0.3", "new"))))

		s.step = func(op string, names ...string) error {
			if op == "create" {
				return errno
			}
			return nil
		}
		err = s.Update(t.Context(), put(lease("fd00::3", "new")))
		require.ErrorIs(t, err, errno)
		require.NotErrorIs(t, err, backend.ErrNames, "other names are refused too")
	}
}

// TestUnfinished has an error after a transaction has become durable: it succeeds, and the next
// Update deletes the remaining files.
func TestUnfinished(t *testing.T) {
	b := newTestDir(t)
	tx := transactions()[2]
	seed(b)
	s := b.open()
	s.step = func(op string, names ...string) error {
		if op == "remove" && names[0] == "10.0.0.2" {
			return errDisk
		}
		return nil
	}
	require.NoError(t, s.Update(t.Context(), tx.fn))
	require.True(t, b.hasJournal())
	require.FileExists(t, b.file("10.0.0.2"))
	require.Equal(t, tx.after, b.snapshot())
	require.ErrorIs(t, s.Update(t.Context(), nothing), errDisk)
	b.update(nothing)
	require.NoFileExists(t, b.file("10.0.0.2"))
	require.Equal(t, tx.after, b.snapshot())
	b.requireWorks()
}

// TestSyncs counts the syncs of a transaction.
func TestSyncs(t *testing.T) {
	for _, tc := range []struct {
		name        string
		fn          func(backend.Tx) error
		files, dirs int
	}{
		{"nothing", nothing, 0, 0},
		{"reading", func(tx backend.Tx) error { _, err := tx.NextFree(ip("10.0.0.1"), ip("10.0.0.9")); return err }, 0, 0},
		{"Delete of what is not there", remove("10.0.0.9"), 0, 0},
		{"SetLastSearch as it is", func(tx backend.Tx) error { return tx.SetLastSearch("first") }, 0, 0},
		{"a cursor", func(tx backend.Tx) error { return tx.SetCursor("0", ip("10.0.0.1")) }, 0, 0},
		{"Put and Delete of the same", func(tx backend.Tx) error {
			return errors.Join(put(lease("10.0.0.9", "new"))(tx), remove("10.0.0.9")(tx))
		}, 0, 0},
		{"a Put", put(lease("10.0.0.9", "new")), 1, 1},
		{"a Delete", remove("10.0.0.1"), 0, 1},
		{"a Delete and a Put of the same", func(tx backend.Tx) error {
			return errors.Join(remove("10.0.0.1")(tx), put(lease("10.0.0.1", "new"))(tx))
		}, 1, 1},
		{"two Puts", put(lease("10.0.0.8", "new"), lease("10.0.0.9", "new")), 3, 3},
		{"two Deletes", remove("10.0.0.1", "fd00::1"), 1, 2},
		{"a Delete and a Put", func(tx backend.Tx) error {
			return errors.Join(remove("10.0.0.1")(tx), put(lease("10.0.0.9", "new"))(tx))
		}, 3, 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newTestDir(t)
			seed(b)
			s := b.open()
			files, dirs := 0, 0
			s.step = func(op string, names ...string) error {
				switch {
				case op == "sync" && names[0] == "":
					dirs++
				case op == "sync":
					files++
				}
				return nil
			}
			require.NoError(t, s.Update(t.Context(), tc.fn))
			require.Equal(t, [2]int{tc.files, tc.dirs}, [2]int{files, dirs}, "syncs of files, of the directory")
		})
	}
}
