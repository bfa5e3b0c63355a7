package files

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"

	"github.com/leasehold/leasehold/internal/exchange"
)

// Names in the directory. None of ours parses as an address, so that the stock plugin ignores
// them.
const (
	lockName      = exchange.StoreLock
	movedLockName = exchange.MovedLock // the lock file of a directory that was replaced
	cursorPrefix  = "last_reserved_ip."

	// keptPrefix is for files of ours that are not leases. From v1.10.0 on the stock plugin's
	// GC removes every file except the lock and names that begin with cursorPrefix. No range
	// set can have such a name ([backend.ValidateSet]).
	keptPrefix = cursorPrefix + ".leasehold-"

	bootName      = keptPrefix + "boot"
	journalName   = keptPrefix + "undo"
	damagedName   = keptPrefix + "undo.damaged"
	seenName      = keptPrefix + "undo.seen" // the name after Repair
	keptNewPrefix = keptPrefix + "new."      // a journal or marker that is being written
	claimedPrefix = keptPrefix + "passing."  // a file that one of two mounts has moved away

	// newPrefix is for a lease file that is being written. The stock plugin's GC removes it
	// exactly if it would remove the lease.
	newPrefix = ".leasehold-new."
)

// Names of earlier versions, which the stock plugin's GC removes.
const (
	earlyBootName    = ".leasehold-boot"
	earlyJournalName = ".leasehold-undo"
	earlyDamagedName = ".leasehold-undo.damaged"
	earlySeenName    = ".leasehold-undo.seen"
	oldPrefix        = ".leasehold-old." // a file that an earlier version was deleting
)

// isControlFile reports whether a file of that name belongs to a store, without being a lease
// or a cursor.
func isControlFile(name string) bool {
	switch name {
	case ".", "..", lockName, movedLockName, bootName, journalName, damagedName, seenName,
		earlyBootName, earlyJournalName, earlyDamagedName, earlySeenName:
		return true
	}
	return false
}

// isTemporary reports whether a file of that name has no meaning by itself: a killed process
// was writing or deleting it.
func isTemporary(name string) bool {
	return strings.HasPrefix(name, newPrefix) || strings.HasPrefix(name, keptNewPrefix) ||
		strings.HasPrefix(name, claimedPrefix) || strings.HasPrefix(name, oldPrefix)
}

// isUnlinked reports whether a file of that name was deleted while open: NFS and FUSE keep it
// under such a name until it is closed, and then remove it.
func isUnlinked(name string) bool {
	return strings.HasPrefix(name, ".nfs") || strings.HasPrefix(name, ".fuse_hidden")
}

// newToken makes the names of a transaction's temporary files unique. A process ID would not:
// it is unique in one PID namespace of one machine, which two containers, or two clients of a
// network file system, do not share.
func newToken() string { return fmt.Sprintf("%016x", rand.Uint64()) }

// tempName returns the temporary name of a file that will get this name.
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

// appendFileName appends fileName(addr) to b.
func appendFileName(b []byte, addr netip.Addr) []byte {
	if runtime.GOOS == "windows" {
		return append(b, fileName(addr)...)
	}
	return addr.AppendTo(b)
}

// parseName returns the address whose lease a file of that name is, and whether fileName
// returns the same name. An IPv6 address has many spellings, and an IPv4 address one in IPv6
// form: such a file, whatever program made it, takes the address.
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
	if addr.Is4() { // has one spelling only
		return addr, true, true
	}
	return addr.Unmap(), addr.String() == name && !addr.Is4In6(), true
}

// startsAddress saves the cost of an error of netip.ParseAddr for other names.
func startsAddress(name string) bool {
	return name != "" && strings.IndexByte("0123456789abcdefABCDEF:_", name[0]) >= 0
}

// Windows does not allow a colon in file names.
func escape(addr string) string   { return strings.ReplaceAll(addr, ":", "_") }
func unescape(name string) string { return strings.ReplaceAll(name, "_", ":") }
