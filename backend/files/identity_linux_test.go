package files

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// newCoarse returns a directory on ext4 with 128-byte inodes, which keep times in whole
// seconds.
func newCoarse(t *testing.T) testDir {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting a file system takes root")
	}
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		t.Skipf("making ext4 with small inodes needs mkfs.ext4: %v", err)
	}
	image, dir := filepath.Join(t.TempDir(), "image"), t.TempDir()
	require.NoError(t, os.WriteFile(image, nil, 0o600))
	require.NoError(t, os.Truncate(image, 8<<20))
	out, err := exec.Command("mkfs.ext4", "-q", "-I", "128", image).CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.Command("mount", "-o", "loop", image, dir).CombinedOutput()
	if strings.Contains(string(out), "permission denied") || strings.Contains(string(out), "failed to setup loop device") {
		t.Skipf("mounting a file system needs CAP_SYS_ADMIN and a loop device: %s", out)
	}
	require.NoError(t, err, "%s", out)
	t.Cleanup(func() {
		out, err := exec.Command("umount", dir).CombinedOutput()
		require.NoError(t, err, "%s", out)
	})
	return testDir{t, filepath.Join(dir, "net")}
}

// releaseAndLeaseAgain lets the stock plugin release and lease addresses, so that the new files
// have the same inode numbers and times as the files of a transaction within the same second.
// It reports whether they have.
func (b testDir) releaseAndLeaseAgain(holder string, names ...string) bool {
	b.Helper()
	before := map[string]info{}
	for _, name := range names {
		before[name] = b.info(name)
	}
	for _, name := range names { // one by one: the next file gets the inode that is free
		require.NoError(b, os.Remove(b.file(name)))
		b.stock(name, holder+"\r\neth0")
	}
	for _, name := range names {
		if now := b.info(name); now.inode != before[name].inode || !now.modified.Equal(before[name].modified) {
			return false
		}
	}
	return true
}

func (b testDir) info(name string) info {
	b.Helper()
	i, err := os.Lstat(b.file(name))
	require.NoError(b, err)
	return info{inode: inode(i), modified: i.ModTime()}
}

// nextSecond waits until a second begins.
func nextSecond() { time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) }

// TestSameTime kills a transaction, and lets the stock plugin make a file with the name, inode
// number, time and, for the same holder, content of a file in the journal.
func TestSameTime(t *testing.T) {
	one, two := "one (eth0)", "two (eth0)"
	both := func(deletes, puts func(backend.Tx) error) func(backend.Tx) error {
		return func(tx backend.Tx) error { return errors.Join(deletes(tx), puts(tx)) }
	}
	for _, tc := range []struct {
		name   string
		fn     func(backend.Tx) error
		op, at string // the step before which it is killed
		leased []string
		holder string // to whom the stock plugin leases them
		want   snapshot
	}{
		{
			"undo", put(lease("10.0.0.3", "new"), lease("fd00::3", "new")), "remove", journalName,
			[]string{"10.0.0.3", "fd00::3"}, "new",
			snapshot{"10.0.0.1": one, "fd00::1": one, "10.0.0.2": two, "10.0.0.3": "new (eth0)", "fd00::3": "new (eth0)"},
		},
		{
			"delete, for another container", remove("10.0.0.1", "fd00::1"), "remove", "10.0.0.1",
			[]string{"10.0.0.1"}, "new", snapshot{"10.0.0.1": "new (eth0)", "10.0.0.2": two},
		},
		{
			"delete, for the same container", remove("10.0.0.1", "fd00::1"), "remove", "10.0.0.1",
			[]string{"10.0.0.1", "fd00::1"}, "one", snapshot{"10.0.0.1": one, "fd00::1": one, "10.0.0.2": two},
		},
		{
			"delete by redo", both(remove("10.0.0.2", "fd00::1"), put(lease("10.0.0.4", "later"))), "remove", "10.0.0.2",
			[]string{"10.0.0.2"}, "two", snapshot{"10.0.0.1": one, "10.0.0.2": two, "10.0.0.4": "later (eth0)"},
		},
		{
			"replace by redo", both(remove("10.0.0.2"), put(lease("10.0.0.2", "later"), lease("10.0.0.4", "later"))), "rename", "10.0.0.2",
			[]string{"10.0.0.2"}, "two", snapshot{"10.0.0.1": one, "fd00::1": one, "10.0.0.2": two},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.want["boot"] = "first"
			mount := newCoarse(t)
			b := testDir{t, mount.path}
			for n := 0; !b.killedAndLeasedAgain(tc.fn, tc.op, tc.at, tc.holder, tc.leased); n++ {
				require.Less(t, n, 20, "no file had the inode and time of the old one")
				b.path += "x"
			}
			require.Equal(t, tc.want, b.snapshot())
			b.update(nothing)
			require.Equal(t, tc.want, b.snapshot())
			require.NoError(t, b.open().Verify(t.Context()))
			b.requireWorks()
		})
	}
}

// killedAndLeasedAgain returns false if the second was over before the stock plugin had its
// turn.
func (b testDir) killedAndLeasedAgain(fn func(backend.Tx) error, op, at, holder string, leased []string) bool {
	b.Helper()
	nextSecond()
	b.interruptedAt(op, at, 1, fn)
	return b.releaseAndLeaseAgain(holder, leased...)
}

// stripHandles removes from the journal the fields that earlier programs do not write, nor any
// program on a system without handles.
func (b testDir) stripHandles() {
	b.Helper()
	j, err := decodeJournal(b.content(journalName))
	require.NoError(b, err)
	for i := range j.created {
		j.created[i].handle = ""
	}
	for i, x := range j.deleted {
		j.deleted[i].identity = identity{inode: x.inode, modified: x.modified}
	}
	b.stock(journalName, j.encode())
}

// TestAmbiguous has journals without handles. Where times are coarse, a file as recent as the
// journal may have been made again, and stays; other files are undone or deleted.
func TestAmbiguous(t *testing.T) {
	all := snapshot{"10.0.0.1": "one (eth0)", "fd00::1": "one (eth0)", "10.0.0.2": "two (eth0)", "boot": "first"}
	created := maps.Clone(all)
	created["10.0.0.3"], created["fd00::3"] = "new (eth0)", "new (eth0)"
	released := snapshot{"10.0.0.2": "two (eth0)", "boot": "first"}
	puts, removes := put(lease("10.0.0.3", "new"), lease("fd00::3", "new")), remove("10.0.0.1", "fd00::1")
	old := func(b testDir) {
		b.Helper()
		at := time.Now().Add(-coarsestUnit - time.Second)
		require.NoError(b, os.Chtimes(b.file("10.0.0.1"), at, at))
		require.NoError(b, os.Chtimes(b.file("fd00::1"), at, at))
	}
	multiple := func(b testDir) {
		b.Helper()
		b.setMultiple("10.0.0.1")
		b.setMultiple("fd00::1")
	}
	for _, tc := range []struct {
		name   string
		dir    func(*testing.T) testDir
		fn     func(backend.Tx) error
		at     string
		before func(testDir)
		want   snapshot
		kept   bool
	}{
		{"coarse, created", newCoarse, puts, journalName, nil, created, true},
		{"coarse, deleted", newCoarse, removes, "10.0.0.1", nil, all, true},
		{"coarse, deleted, old", newCoarse, removes, "10.0.0.1", old, released, false},
		{"fine, created", newTestDir, puts, journalName, nil, all, false},
		{"fine, deleted", newTestDir, removes, "10.0.0.1", nil, released, false},
		{"fine, deleted, at a multiple", newTestDir, removes, "10.0.0.1", multiple, released, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := tc.dir(t)
			seed(b)
			if tc.before != nil {
				tc.before(b)
			}
			b.killedAt("remove", tc.at, 1, tc.fn)
			b.stripHandles()
			require.Equal(t, tc.want, b.snapshot())
			b.update(nothing)
			require.Equal(t, tc.want, b.snapshot())
			err := b.open().Verify(t.Context())
			if !tc.kept {
				require.NoError(t, err)
				b.requireWorks()
				return
			}
			require.ErrorContains(t, err, damagedName)
			require.ErrorContains(t, err, "may have been made again")
			done, err := b.open().Repair(t.Context())
			require.NoError(t, err)
			require.Len(t, done, 1)
			require.NoError(t, b.open().Verify(t.Context()))
			b.update(remove("10.0.0.1", "10.0.0.3", "fd00::1", "fd00::3"))
			require.Equal(t, released, b.snapshot())
		})
	}
}

// TestOwnTransactionIsNotAmbiguous: a process can always undo its own failed transaction,
// whatever the times.
func TestOwnTransactionIsNotAmbiguous(t *testing.T) {
	b := newCoarse(t)
	seed(b)
	before := b.snapshot()
	for _, m := range []*mount{nil, {}} {
		for n := 1; ; n++ {
			s := b.open()
			s.mount = m
			steps, failed := 0, errors.New("failed")
			s.step = func(string, ...string) error {
				if steps++; steps == n {
					return failed
				}
				return nil
			}
			err := s.Update(t.Context(), put(lease("10.0.0.3", "new"), lease("fd00::3", "new")))
			if steps < n {
				require.NoError(t, err)
				b.update(remove("10.0.0.3", "fd00::3"))
				break
			}
			if err != nil {
				b.update(nothing)
				require.Equal(t, before, b.snapshot(), "step %d", n)
			}
			require.NotContains(t, b.names(), damagedName)
		}
	}
}
