package files

import (
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
	bootName     = ".leasehold-boot"
	journalName  = ".leasehold-undo"
	damagedName  = ".leasehold-undo.damaged"
	seenName     = ".leasehold-undo.seen" // it was, until Repair
	newPrefix    = ".leasehold-new."      // a file that is being written
	oldPrefix    = ".leasehold-old."      // a file that is being deleted
)

// ownName reports whether a file of that name, which is no lease and no cursor, is
// one that a store has.
func ownName(name string) bool {
	switch name {
	case ".", "..", lockName, movedName, bootName, journalName, damagedName, seenName:
		return true
	}
	return false
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
