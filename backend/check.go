package backend

import (
	"fmt"
	"net/netip"
)

// Checks that every store makes, and errors that it returns.

// Ended returns the [ErrInvalid] of a transaction that is used after it has ended.
func Ended() error { return fmt.Errorf("%w: the transaction has ended", ErrInvalid) }

// CheckAddr returns an [ErrInvalid] with the reason unless [ValidAddr] accepts addr.
func CheckAddr(addr netip.Addr) error { return invalid(ValidAddr(addr)) }

// CheckFrom is CheckAddr, but accepts the zero address.
func CheckFrom(addr netip.Addr) error {
	if addr == (netip.Addr{}) {
		return nil
	}
	return CheckAddr(addr)
}

// CheckSet returns an [ErrInvalid] with the reason unless [ValidSet] accepts set.
func CheckSet(set string) error { return invalid(ValidSet(set)) }

// CheckBoot returns an [ErrInvalid] with the reason unless a lease can hold id as its boot.
func CheckBoot(id string) error { return invalid(validName(id)) }

// CheckLease returns an [ErrInvalid] with the reason unless [Lease.Validate] accepts l.
func CheckLease(l Lease) error { return invalid(l.Validate()) }

// CheckSpan returns an [ErrInvalid] unless from and to are valid addresses of one
// family, and [ErrNoneFree] if to comes before from.
func CheckSpan(from, to netip.Addr) error {
	if err := CheckAddr(from); err != nil {
		return err
	}
	if err := CheckAddr(to); err != nil {
		return err
	}
	if from.BitLen() != to.BitLen() {
		return fmt.Errorf("%w: %s and %s are of different families", ErrInvalid, from, to)
	}
	if to.Less(from) {
		return NoneFree(from, to)
	}
	return nil
}

// NotFound returns an [ErrNotFound] that names the address.
func NotFound(addr netip.Addr) error { return fmt.Errorf("%s: %w", addr, ErrNotFound) }

// NoCursor returns an [ErrNotFound] that names the range set.
func NoCursor(set string) error { return fmt.Errorf("cursor of range set %s: %w", set, ErrNotFound) }

// NoneFree returns an [ErrNoneFree] that names the range.
func NoneFree(from, to netip.Addr) error {
	return fmt.Errorf("%s-%s: %w", from, to, ErrNoneFree)
}

func invalid(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrInvalid, err)
}
