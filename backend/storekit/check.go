package storekit

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// Ended returns the [backend.ErrInvalid] of a transaction that is used after it has ended.
func Ended() error { return fmt.Errorf("%w: the transaction has ended", backend.ErrInvalid) }

// CheckAddr returns a [backend.ErrInvalid] with the reason unless [backend.ValidateAddr]
// accepts addr.
func CheckAddr(addr netip.Addr) error { return invalid(backend.ValidateAddr(addr)) }

// CheckFrom is CheckAddr, but accepts the zero address.
func CheckFrom(addr netip.Addr) error {
	if addr == (netip.Addr{}) {
		return nil
	}
	return CheckAddr(addr)
}

// CheckSet returns a [backend.ErrInvalid] with the reason unless [backend.ValidateSet]
// accepts set.
func CheckSet(set string) error { return invalid(backend.ValidateSet(set)) }

// CheckBoot returns a [backend.ErrInvalid] with the reason unless a lease can hold text as
// its boot.
func CheckBoot(text string) error { return invalid(backend.ValidateName(text)) }

// CheckLease returns a [backend.ErrInvalid] with the reason unless [backend.Lease.Validate]
// accepts l.
func CheckLease(l backend.Lease) error { return invalid(l.Validate()) }

// CheckEnded returns a [backend.ErrInvalid] with the reason unless [backend.Ended.Validate]
// accepts e.
func CheckEnded(e backend.Ended) error { return invalid(e.Validate()) }

// CoolingSince returns the time that a store records for a cooling address: in UTC, without a
// reading of the monotonic clock, and within the years 1678 to 2262, whose nanoseconds are an int64.
func CoolingSince(since time.Time) time.Time {
	earliest, latest := time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)
	switch {
	case since.Before(earliest):
		since = earliest
	case since.After(latest):
		since = latest
	}
	return since.UTC().Round(0)
}

// CheckSpan returns a [backend.ErrInvalid] unless from and to are valid addresses of one
// family, and a [backend.ErrNoneFree] if to comes before from.
func CheckSpan(from, to netip.Addr) error {
	if err := CheckAddr(from); err != nil {
		return err
	}
	if err := CheckAddr(to); err != nil {
		return err
	}
	if from.BitLen() != to.BitLen() {
		return fmt.Errorf("%w: %s and %s are of different families", backend.ErrInvalid, from, to)
	}
	if to.Less(from) {
		return NoneFree(from, to)
	}
	return nil
}

// NotFound returns a [backend.ErrNotFound] that names the address.
func NotFound(addr netip.Addr) error { return fmt.Errorf("%s: %w", addr, backend.ErrNotFound) }

// NoCursor returns a [backend.ErrNotFound] that names the range set.
func NoCursor(set string) error {
	return fmt.Errorf("cursor of range set %s: %w", set, backend.ErrNotFound)
}

// NoneFree returns a [backend.ErrNoneFree] that names the range.
func NoneFree(from, to netip.Addr) error {
	return fmt.Errorf("%s-%s: %w", from, to, backend.ErrNoneFree)
}

func invalid(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", backend.ErrInvalid, err)
}
