package files

import (
	"errors"
	"net"
	"net/netip"
	"slices"
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
		if !canBeFile(name) || ownName(name) || temporary(name) {
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

func temporary(name string) bool {
	return strings.HasPrefix(name, newPrefix) || strings.HasPrefix(name, oldPrefix)
}

// FuzzJournal holds of whatever stands in the place of a journal, also of nonsense with
// a right checksum, that a View shows what the next Update leaves, and that no lease is
// lost: not one that is there, and not one that was about to be deleted.
func FuzzJournal(f *testing.F) {
	f.Add("leasehold-undo 1\ncreate 10.0.0.4 1 2 \"four\\r\\neth0\"\ndelete 10.0.0.3\n", true)
	f.Add("leasehold-undo 1\ndelete 10.0.0.3\n", false)
	f.Fuzz(func(t *testing.T, text string, sealed bool) {
		if sealed {
			text = summed(text)
		}
		j, err := decodeJournal(text)
		if err == nil {
			again, err := decodeJournal(j.encode())
			require.NoError(t, err)
			require.Equal(t, j, again)
			requireOwnNames(t, j)
		}
		b := newBed(t)
		prepared(b)
		b.stock(oldPrefix+"10.0.0.3", "three\r\neth0")
		b.stock(journalName, text)
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
		if err != nil || slices.Contains(j.deleted, "10.0.0.3") {
			require.Equal(t, "three (eth0)", shown["10.0.0.3"])
		}
	})
}

// requireOwnNames requires that a journal is about nothing but lease files and the
// marker of the boot.
func requireOwnNames(t *testing.T, j *journal) {
	t.Helper()
	names := slices.Clone(j.deleted)
	for _, c := range j.created {
		names = append(names, c.name)
	}
	for _, name := range names {
		require.True(t, name == bootName || net.ParseIP(name) != nil, "%q", name)
	}
}
