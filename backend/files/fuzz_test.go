package files

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// FuzzLeaseFile checks for any content of a lease file that the store can work with it, that
// writing the owner again gives the same owner, and that the stock plugin reads the same owner:
// each of the two releases what the other has leased.
func FuzzLeaseFile(f *testing.F) {
	f.Add([]byte("pod\r\neth0"), "pod", "eth0")
	f.Fuzz(func(t *testing.T, data []byte, id, ifname string) {
		o := parseOwner(data)
		require.Equal(t, o, parseOwner([]byte(leaseContent(o))))
		whole := strings.TrimSpace(string(data)) == string(trim(data)) // no NUL bytes, which stock does not remove
		if whole && o.Validate() == nil {
			require.True(t, stockMatches(data, o), "the stock plugin does not find the file of %s", o)
		}
		asked := backend.Owner{ContainerID: id, IfName: ifname}
		if asked.Validate() == nil && stockMatches(data, asked) {
			require.True(t, o.Covers(asked), "the stock plugin finds for %s the file of %s", asked, o)
		}
		b := newTestDir(t)
		b.stock("10.0.0.5", string(data))
		if len(data) <= maxContent { // A longer one has no owner: see TestForeignFiles.
			b.requireLease(o)
		}
	})
}

// stockMatches reports whether the stock plugin takes a file for a lease of o (ReleaseByID of
// host-local, backend/disk/backend.go).
func stockMatches(data []byte, o backend.Owner) bool {
	text, id := strings.TrimSpace(string(data)), strings.TrimSpace(o.ContainerID)
	return text == id+lineBreak+o.IfName || text == id
}

// requireLease requires that a store with the file of 10.0.0.5 alone has a lease of o there,
// and can release it.
func (b testDir) requireLease(o backend.Owner) {
	b.Helper()
	require.Equal(b, snapshot{"10.0.0.5": o.String()}, b.snapshot())
	require.ErrorIs(b, b.open().Update(b.Context(), put(lease("10.0.0.5", "thief"))), backend.ErrExists)
	err := b.open().Verify(b.Context())
	require.Equal(b, o.Validate() != nil, errors.Is(err, backend.ErrDamaged), "Verify says %v", err)
	b.update(remove("10.0.0.5"))
	require.Empty(b, b.snapshot())
	b.requireWorks()
}

// FuzzFileName checks for any file name that the store reads the same address from it, if any,
// as the stock plugin, does not lease that address again, and leaves files of other names
// alone.
func FuzzFileName(f *testing.F) {
	f.Add("10.0.0.5")
	f.Add("FD00::5")
	f.Fuzz(func(t *testing.T, name string) {
		addr, canonical, ok := parseName(name)
		ip := net.ParseIP(name)
		require.Equal(t, ip != nil, ok)
		want := snapshot{}
		if ok {
			stock, _ := netip.AddrFromSlice(ip)
			require.Equal(t, stock.Unmap(), addr)
			require.Equal(t, ip.String(), fileName(addr), "the stock plugin would lease it a second time")
			require.Equal(t, name == fileName(addr), canonical)
			want[addr.String()] = "one (eth0)"
		}
		if !canBeFile(name) || isControlFile(name) || isTemporary(name) {
			return
		}
		b := newTestDir(t)
		b.stock(name, "one\r\neth0")
		require.Equal(t, want, b.snapshot())
		if ok {
			require.ErrorIs(t, b.open().Update(t.Context(), put(lease(addr.String(), "thief"))), backend.ErrExists)
		}
		b.update(put(lease("10.9.0.1", "later"), lease("10.9.0.2", "later")))
		require.Equal(t, "one\r\neth0", b.content(name))
	})
}

func canBeFile(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= 255 && !strings.ContainsAny(name, "/\x00")
}

// FuzzJournal checks for any content of a journal, also for nonsense with a valid checksum,
// that a View shows what the next Update leaves, and that no lease is lost, even one that was
// about to be deleted.
func FuzzJournal(f *testing.F) {
	f.Add("leasehold-undo 1\ncreate 10.0.0.4 1 2 \"four\\r\\neth0\"\ndelete 10.0.0.3\n", true)
	f.Add("leasehold-undo 1\ndelete 10.0.0.3\n", false)
	f.Add("leasehold-redo 2\ncreate 10.0.0.4 .leasehold-new.0.10.0.0.4 1 2 \"four\\r\\neth0\"\ndelete 10.0.0.1 1 2\n", true)
	f.Add("leasehold-undo 2\ncreate 10.0.0.4 .leasehold-new.0.10.0.0.4 1 2 \"four\\r\\neth0\"\ndelete 10.0.0.1 1 2\n", true)
	f.Fuzz(func(t *testing.T, text string, sealed bool) {
		if sealed {
			text = withChecksum(text)
		}
		j, err := decodeJournal(text)
		if err == nil {
			again, err := decodeJournal(j.encode())
			require.NoError(t, err)
			require.Equal(t, j.created, again.created)
			require.Len(t, again.deleted, len(j.deleted))
			requireJournaledNames(t, j)
		}
		for _, file := range []string{earlyJournalName, journalName} {
			requireHarmless(t, file, text, j, err)
		}
	})
}

// requireHarmless puts the text in the place of a journal; j and err are the result of decoding
// it.
func requireHarmless(t *testing.T, file, text string, j *journal, err error) {
	t.Helper()
	b := newTestDir(t)
	seed(b)
	b.stock(oldPrefix+"10.0.0.3", "three\r\neth0")
	b.stock(file, text)
	if err != nil && !errors.Is(err, errCorrupt) {
		require.ErrorIs(t, err, backend.ErrFormat)
		require.ErrorIs(t, b.open().Update(t.Context(), nothing), backend.ErrFormat)
		return
	}
	shown := b.snapshot()
	b.update(nothing)
	require.Equal(t, shown, b.snapshot())
	for addr, owner := range (snapshot{"10.0.0.1": "one (eth0)", "10.0.0.2": "two (eth0)", "fd00::1": "one (eth0)", "boot": "first"}) {
		require.Equal(t, owner, shown[addr])
	}
	restores := err != nil && file == earlyJournalName
	if err == nil && j.early {
		_, restores = j.deletes("10.0.0.3")
	}
	if restores {
		require.Equal(t, "three (eth0)", shown["10.0.0.3"])
	}
}

// requireJournaledNames requires that a journal names only lease files and markers.
func requireJournaledNames(t *testing.T, j *journal) {
	t.Helper()
	var names []string
	for _, x := range j.deleted {
		names = append(names, x.name)
	}
	for _, c := range j.created {
		names = append(names, c.name)
		require.True(t, isTemporary(c.temp), "%q", c.temp)
	}
	for _, name := range names {
		require.True(t, name == bootName || name == earlyBootName || net.ParseIP(name) != nil, "%q", name)
	}
}
