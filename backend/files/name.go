package files

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"

	"github.com/leasehold/leasehold/internal/exchange"
)

// Names in the directory. None of ours parses as an address, so that the stock
// plugin passes them by.
const (
	lockName     = exchange.StoreLock
	movedName    = exchange.MovedLock // it, in a directory that was replaced
	cursorPrefix = "last_reserved_ip."

	// keptPrefix is for files of ours that are no leases. From v1.10.0 on the stock
	// plugin's GC removes every file but the lock and those that begin with
	// cursorPrefix. No range set is called that ([backend.ValidateSet]).
	keptPrefix = cursorPrefix + ".leasehold-"

	bootName      = keptPrefix + "boot"
	journalName   = keptPrefix + "undo"
	damagedName   = keptPrefix + "undo.damaged"
	seenName      = keptPrefix + "undo.seen" // it was damagedName until Repair
	keptNewPrefix = keptPrefix + "new."      // a journal or marker that is being written
	passingPrefix = keptPrefix + "passing."  // a journal that one of two mounts takes away

	// newPrefix is for a lease file that is being written. GC of the stock plugin may
	// remove it: it keeps it if it would keep the lease.
	newPrefix = ".leasehold-new."
)

// Names that earlier versions used, which GC of the stock plugin removes.
const (
	earlyBootName    = ".leasehold-boot"
	earlyJournalName = ".leasehold-undo"
	earlyDamagedName = ".leasehold-undo.damaged"
	earlySeenName    = ".leasehold-undo.seen"
	oldPrefix        = ".leasehold-old." // a file that an earlier version was deleting
)

// ownName reports whether a file of that name, which is no lease and no cursor, is
// one that a store has.
func ownName(name string) bool {
	switch name {
	case ".", "..", lockName, movedName, bootName, journalName, damagedName, seenName,
		earlyBootName, earlyJournalName, earlyDamagedName, earlySeenName:
		return true
	}
	return false
}

// isTemporary reports whether a file of that name has no meaning by itself: it was being
// written or deleted by a process that was killed.
func isTemporary(name string) bool {
	return strings.HasPrefix(name, newPrefix) || strings.HasPrefix(name, keptNewPrefix) ||
		strings.HasPrefix(name, passingPrefix) || strings.HasPrefix(name, oldPrefix)
}

// isUnlinked reports whether a file of that name was deleted while a process had it open:
// NFS and FUSE keep it under such a name until it is closed. It vanishes by itself.
func isUnlinked(name string) bool {
	return strings.HasPrefix(name, ".nfs") || strings.HasPrefix(name, ".fuse_hidden")
}

// newToken returns what makes the names of a transaction's temporary files its own. A
// process ID does not: it is unique in one PID namespace of one machine, and neither two
// containers nor two clients of a network file system share that.
func newToken() string { return fmt.Sprintf("%016x", rand.Uint64()) }

// tempName returns under which name a file is written that will get this one.
func tempName(token, name string) string {
	if own, ok := strings.CutPrefix(name, keptPrefix); ok {
		return keptNewPrefix + token + "." + own
	}
	return newPrefix + token + "." + name
}

// fileName returns the name of the lease file of addr.
func fileName(addr netip.Addr) string {
	if runtime.GOOS == "windows" {
		return escape(addr.String())
	}
	return addr.String()
}

// appendFileName appends it to b.
func appendFileName(b []byte, addr netip.Addr) []byte {
	if runtime.GOOS == "windows" {
		return append(b, fileName(addr)...)
	}
	return addr.AppendTo(b)
}

// parseName returns the address whose lease a file of that name is, and whether
// the name is the one that fileName returns. An IPv6 address can be spelt in
// many ways, and an IPv4 address in IPv6 form: whoever made such a file, its
// address is not to be leased again.
func parseName(name string) (addr netip.Addr, canonical, ok bool) {
	if !startsAddress(name) {
		return addr, false, false
	}
	if runtime.GOOS == "windows" {
		name = unescape(name)
	}
	addr, err := netip.ParseAddr(name)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, false, false
	}
	if addr.Is4() { // can be spelt in one way only
		return addr, true, true
	}
	return addr.Unmap(), addr.String() == name && !addr.Is4In6(), true
}

// startsAddress saves netip.ParseAddr from making an error of each other name.
func startsAddress(name string) bool {
	return name != "" && strings.IndexByte("0123456789abcdefABCDEF:_", name[0]) >= 0
}

// Windows has no colon in file names.
func escape(addr string) string   { return strings.ReplaceAll(addr, ":", "_") }
func unescape(name string) string { return strings.ReplaceAll(name, "_", ":") }
