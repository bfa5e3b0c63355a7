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

// newCoarse returns a bed on ext4 with inodes of 128 bytes, which have no room for more than
// the whole seconds of a time.
func newCoarse(t *testing.T) bed {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting a file system takes root")
	}
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		t.Skip(err)
	}
	image, dir := filepath.Join(t.TempDir(), "image"), t.TempDir()
	require.NoError(t, os.WriteFile(image, nil, 0o600))
	require.NoError(t, os.Truncate(image, 8<<20))
	out, err := exec.Command("mkfs.ext4", "-q", "-I", "128", image).CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.Command("mount", "-o", "loop", image, dir).CombinedOutput()
	if strings.Contains(string(out), "permission denied") || strings.Contains(string(out), "failed to setup loop device") {
		t.Skipf("%s", out)
	}
	require.NoError(t, err, "%s", out)
	t.Cleanup(func() {
		out, err := exec.Command("umount", dir).CombinedOutput()
		require.NoError(t, err, "%s", out)
	})
	return bed{t, filepath.Join(dir, "net")}
}

// again has the stock plugin release and lease addresses within one second of the lease that
// a transaction has made, or was going to delete, so that the files have the same inode number
// and time as before. It reports whether they do.
func (b bed) again(holder string, names ...string) bool {
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

func (b bed) info(name string) info {
	b.Helper()
	i, err := os.Lstat(b.file(name))
	require.NoError(b, err)
	return info{inode: inode(i), modified: i.ModTime()}
}

// nextSecond waits until a second begins.
func nextSecond() { time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) }

// TestSameTime has a transaction killed, and the stock plugin make a file that has the name,
// inode, time and, where the holder is the same, content of one that the journal means.
func TestSameTime(t *testing.T) {
	one, two := "one (eth0)", "two (eth0)"
	both := func(deletes, puts func(backend.Tx) error) func(backend.Tx) error {
		return func(tx backend.Tx) error { return errors.Join(deletes(tx), puts(tx)) }
	}
	for _, tc := range []struct {
		name   string
		fn     func(backend.Tx) error
		op, at string // before which step it is killed
		leased []string
		holder string // of these, by the stock plugin
		want   holding
	}{
		{
			"undo", put(lease("10.0.0.3", "new"), lease("fd00::3", "new")), "remove", journalName,
			[]string{"10.0.0.3", "fd00::3"}, "new",
			holding{"10.0.0.1": one, "fd00::1": one, "10.0.0.2": two, "10.0.0.3": "new (eth0)", "fd00::3": "new (eth0)"},
		},
		{
			"delete, for another container", remove("10.0.0.1", "fd00::1"), "remove", "10.0.0.1",
			[]string{"10.0.0.1"}, "new", holding{"10.0.0.1": "new (eth0)", "10.0.0.2": two},
		},
		{
			"delete, for the same container", remove("10.0.0.1", "fd00::1"), "remove", "10.0.0.1",
			[]string{"10.0.0.1", "fd00::1"}, "one", holding{"10.0.0.1": one, "fd00::1": one, "10.0.0.2": two},
		},
		{
			"delete by redo", both(remove("10.0.0.2", "fd00::1"), put(lease("10.0.0.4", "later"))), "remove", "10.0.0.2",
			[]string{"10.0.0.2"}, "two", holding{"10.0.0.1": one, "10.0.0.2": two, "10.0.0.4": "later (eth0)"},
		},
		{
			"replace by redo", both(remove("10.0.0.2"), put(lease("10.0.0.2", "later"), lease("10.0.0.4", "later"))), "rename", "10.0.0.2",
			[]string{"10.0.0.2"}, "two", holding{"10.0.0.1": one, "fd00::1": one, "10.0.0.2": two},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.want["boot"] = "first"
			mount := newCoarse(t)
			b := bed{t, mount.path}
			for n := 0; !b.killedThenAgain(tc.fn, tc.op, tc.at, tc.holder, tc.leased); n++ {
				require.Less(t, n, 20, "no file had inode and time of the one before")
				b.path += "x"
			}
			require.Equal(t, tc.want, b.holding())
			b.update(nothing)
			require.Equal(t, tc.want, b.holding())
			require.NoError(t, b.open().Verify(t.Context()))
			b.requireWorks()
		})
	}
}

// killedThenAgain is false if the second was over before the stock plugin had its turn.
func (b bed) killedThenAgain(fn func(backend.Tx) error, op, at, holder string, leased []string) bool {
	b.Helper()
	nextSecond()
	b.interruptedAt(op, at, 1, fn)
	return b.again(holder, leased...)
}

// forgetful takes from the journal what earlier programs do not write, and no program without
// handles.
func (b bed) forgetful() {
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

// TestAmbiguous has journals without handles. Where times are coarse, what is as old as the
// journal may have been made again, and stays; the rest is undone or deleted.
func TestAmbiguous(t *testing.T) {
	all := holding{"10.0.0.1": "one (eth0)", "fd00::1": "one (eth0)", "10.0.0.2": "two (eth0)", "boot": "first"}
	created := maps.Clone(all)
	created["10.0.0.3"], created["fd00::3"] = "new (eth0)", "new (eth0)"
	released := holding{"10.0.0.2": "two (eth0)", "boot": "first"}
	puts, removes := put(lease("10.0.0.3", "new"), lease("fd00::3", "new")), remove("10.0.0.1", "fd00::1")
	old := func(b bed) {
		b.Helper()
		at := time.Now().Add(-coarsest - time.Second)
		require.NoError(b, os.Chtimes(b.file("10.0.0.1"), at, at))
		require.NoError(b, os.Chtimes(b.file("fd00::1"), at, at))
	}
	for _, tc := range []struct {
		name   string
		bed    func(*testing.T) bed
		fn     func(backend.Tx) error
		at     string
		before func(bed)
		want   holding
		kept   bool
	}{
		{"coarse, created", newCoarse, puts, journalName, nil, created, true},
		{"coarse, deleted", newCoarse, removes, "10.0.0.1", nil, all, true},
		{"coarse, deleted, old", newCoarse, removes, "10.0.0.1", old, released, false},
		{"fine, created", newBed, puts, journalName, nil, all, false},
		{"fine, deleted", newBed, removes, "10.0.0.1", nil, released, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := tc.bed(t)
			prepared(b)
			if tc.before != nil {
				tc.before(b)
			}
			b.killedAt("remove", tc.at, 1, tc.fn)
			b.forgetful()
			require.Equal(t, tc.want, b.holding())
			b.update(nothing)
			require.Equal(t, tc.want, b.holding())
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
			require.Equal(t, released, b.holding())
		})
	}
}

// TestOwnIsNotAmbiguous: a transaction that fails is taken back by its own process, whatever
// the times.
func TestOwnIsNotAmbiguous(t *testing.T) {
	b := newCoarse(t)
	prepared(b)
	before := b.holding()
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
				require.Equal(t, before, b.holding(), "step %d", n)
			}
			require.NotContains(t, b.names(), damagedName)
		}
	}
}
