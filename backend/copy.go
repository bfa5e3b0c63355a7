package backend

import (
	"fmt"
	"net/netip"
)

// Copy puts all leases and cursors of src, and its boot, into dst and returns
// the number of leases copied. An address that dst has leased already ends it
// with [ErrExists].
//
// Leases with a zero Owner are left behind: nobody can release them, and what
// is not copied is free.
func Copy(dst Tx, src ReadTx) (int, error) {
	n := 0
	for l, err := range src.Leases(netip.Addr{}) {
		if err != nil {
			return n, err
		}
		if l.Owner.IsZero() {
			continue
		}
		if err := dst.Put(l); err != nil {
			return n, fmt.Errorf("copy %s of %s: %w", l.Addr, l.Owner, err)
		}
		n++
	}
	return n, copyState(dst, src)
}

// copyState copies what a store knows besides its leases.
func copyState(dst Tx, src ReadTx) error {
	cursors, err := src.Cursors()
	if err != nil {
		return err
	}
	for set, addr := range cursors {
		if err := dst.SetCursor(set, addr); err != nil {
			return fmt.Errorf("copy cursor of range set %s: %w", set, err)
		}
	}
	boot, err := src.Boot()
	if err != nil || boot == "" {
		return err
	}
	return dst.SetBoot(boot)
}
