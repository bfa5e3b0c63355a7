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

// FuzzLeaseFile holds of whatever a lease file holds that the store can work with it,
// that the owner comes back if it is written again, and that the stock plugin takes the
// file for that of the same owner: what one of the two has leased, the other releases.
func FuzzLeaseFile(f *testing.F) {
	f.Add([]byte("pod\r\neth0"), "pod", "eth0")
	f.Fuzz(func(t *testing.T, data []byte, id, ifname string) {
		o := parseOwner(data)
		require.Equal(t, o, parseOwner([]byte(content(o))))
		whole := strings.TrimSpace(string(data)) == string(trim(data)) // no NUL bytes, which stock does not take off
		if whole && o.Validate() == nil {
			require.True(t, stockMatches(data, o), "the stock plugin does not find what is of %s", o)
		}
		asked := backend.Owner{ContainerID: id, IfName: ifname}
		if asked.Validate() == nil && stockMatches(data, asked) {
			require.True(t, o.Covers(asked), "the stock plugin takes for %s what is of %s", asked, o)
		}
		b := newBed(t)
		b.stock("10.0.0.5", string(data))
		if len(data) <= maxContent { // A longer one is of nobody: see TestOddFiles.
			b.requireLease(o)
		}
	})
}

// stockMatches reports whether the stock plugin takes a file for one of o
// (ReleaseByID of host-local, backend/disk/backend.go).
func stockMatches(data []byte, o backend.Owner) bool {
	text, id := strings.TrimSpace(string(data)), strings.TrimSpace(o.ContainerID)
	return text == id+lineBreak+o.IfName || text == id
}

// requireLease requires that the store in which there is nothing but the file of
// 10.0.0.5 takes that for the lease of o, and can release it.
func (b bed) requireLease(o backend.Owner) {
	b.Helper()
	require.Equal(b, holding{"10.0.0.5": o.String()}, b.holding())
	require.ErrorIs(b, b.open().Update(b.Context(), put(lease("10.0.0.5", "thief"))), backend.ErrExists)
	err := b.open().Verify(b.Context())
	require.Equal(b, o.Validate() != nil, errors.Is(err, backend.ErrDamaged), "Verify says %v", err)
	b.update(remove("10.0.0.5"))
	require.Empty(b, b.holding())
	b.requireWorks()
}

// FuzzFileName holds of every file that can be in the directory of a store that its
// address, if it has one, is that which the stock plugin would read, and is not leased
// again; and that the store leaves alone what is none of its files.
func FuzzFileName(f *testing.F) {
	f.Add("10.0.0.5")
	f.Add("FD00::5")
	f.Fuzz(func(t *testing.T, name string) {
		addr, canonical, ok := parseName(name)
		ip := net.ParseIP(name)
		require.Equal(t, ip != nil, ok)
		want := holding{}
		if ok {
			stock, _ := netip.AddrFromSlice(ip)
			require.Equal(t, stock.Unmap(), addr)
			require.Equal(t, ip.String(), fileName(addr), "the stock plugin would lease it a second time")
			require.Equal(t, name == fileName(addr), canonical)
			want[addr.String()] = "one (eth0)"
		}
		if !canBeFile(name) || ownName(name) || isTemporary(name) {
			return
		}
		b := newBed(t)
		b.stock(name, "one\r\neth0")
		require.Equal(t, want, b.holding())
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

// FuzzJournal holds of whatever stands in the place of a journal, also of nonsense with
// a right checksum, that a View shows what the next Update leaves, and that no lease is
// lost: not one that is there, and not one that was about to be deleted.
func FuzzJournal(f *testing.F) {
	f.Add("leasehold-undo 1\ncreate 10.0.0.4 1 2 \"four\\r\\neth0\"\ndelete 10.0.0.3\n", true)
	f.Add("leasehold-undo 1\ndelete 10.0.0.3\n", false)
	f.Add("leasehold-redo 2\ncreate 10.0.0.4 .leasehold-new.0.10.0.0.4 1 2 \"four\\r\\neth0\"\ndelete 10.0.0.1 1 2\n", true)
	f.Add("leasehold-undo 2\ncreate 10.0.0.4 .leasehold-new.0.10.0.0.4 1 2 \"four\\r\\neth0\"\ndelete 10.0.0.1 1 2\n", true)
	f.Fuzz(func(t *testing.T, text string, sealed bool) {
		if sealed {
			text = summed(text)
		}
		j, err := decodeJournal(text)
		if err == nil {
			again, err := decodeJournal(j.encode())
			require.NoError(t, err)
			require.Equal(t, j.created, again.created)
			require.Len(t, again.deleted, len(j.deleted))
			requireOwnNames(t, j)
		}
		for _, file := range []string{earlyJournalName, journalName} {
			requireHarmless(t, file, text, j, err)
		}
	})
}

// requireHarmless has the text stand in the place of a journal, which was decoded with that
// result.
func requireHarmless(t *testing.T, file, text string, j *journal, err error) {
	t.Helper()
	b := newBed(t)
	prepared(b)
	b.stock(oldPrefix+"10.0.0.3", "three\r\neth0")
	b.stock(file, text)
	if err != nil && !errors.Is(err, errTorn) {
		require.ErrorIs(t, err, backend.ErrFormat)
		require.ErrorIs(t, b.open().Update(t.Context(), nothing), backend.ErrFormat)
		return
	}
	shown := b.holding()
	b.update(nothing)
	require.Equal(t, shown, b.holding())
	for addr, owner := range (holding{"10.0.0.1": "one (eth0)", "10.0.0.2": "two (eth0)", "fd00::1": "one (eth0)", "boot": "first"}) {
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

// requireOwnNames requires that a journal is about nothing but lease files and the
// marker of the boot.
func requireOwnNames(t *testing.T, j *journal) {
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
