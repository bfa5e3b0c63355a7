package allocator

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// The messages begin as host-local's do, because people search for them.

// An ExhaustedError means that a range set has no address left to lease.
type ExhaustedError struct {
	// Index is the index of the set in the pool.
	Index int

	Set Set

	// Leased counts the leasable addresses, all of which are leased or cooling. If the store is
	// shared, it counts those that this host holds: others can be had from the other hosts.
	Leased uint64

	// Shared reports whether the store is shared with other hosts.
	Shared bool

	// Cool is when the next address may be leased that was released too short a time ago
	// ([Cooldown.Strict]); zero if none is cooling.
	Cool time.Time

	// Withheld counts the other addresses of the set: gateways and excluded addresses. It
	// is at most [math.MaxUint64].
	Withheld uint64
}

func (e *ExhaustedError) Error() string {
	counted, next := "leased", ""
	if !e.Cool.IsZero() {
		counted, next = "leased or cooling", "; the next one can be leased at "+e.Cool.UTC().Format(time.RFC3339)
	}
	if e.Shared {
		counted = "held by this host, all " + counted
	}
	return fmt.Sprintf("no IP addresses available in range set: %s (%d %s, %d excluded or gateway%s)",
		e.Set, e.Leased, counted, e.Withheld, next)
}

// A TakenError means that a requested address is leased to another attachment.
type TakenError struct {
	Addr   netip.Addr
	Set    Set
	Holder backend.Lease
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("requested IP address %s is not available in range set %s: %s", e.Addr, e.Set, leasedTo(e.Holder))
}

// A DuplicateError means that the attachment already holds an address of the range set.
type DuplicateError struct {
	Addr   netip.Addr
	Holder backend.Lease

	// Requested is the address of the set that the attachment asked for; zero if it named
	// none, or named Addr. No [Duplicate] policy can give it that address.
	Requested netip.Addr
}

func (e *DuplicateError) Error() string {
	text := fmt.Sprintf("%s has been allocated to %s, duplicate allocation is not allowed", e.Addr, e.Holder.Owner.ContainerID)
	if known := details(e.Holder); known != "" {
		text += " (" + known + ")"
	}
	return text
}

// A RequestError means that requested addresses can never be leased.
type RequestError struct {
	Addrs []netip.Addr

	// Reason is the whole message.
	Reason string
}

func (e *RequestError) Error() string { return e.Reason }

// A MissingError means that an attachment does not hold an address that it should hold, or
// holds none at all.
type MissingError struct {
	Owner backend.Owner

	// Addr is the address; zero if the owner holds none at all.
	Addr netip.Addr

	// Holder is the lease of Addr; zero if Addr is not leased.
	Holder backend.Lease
}

func (e *MissingError) Error() string {
	text := "host-local: Failed to find address added by container " + e.Owner.ContainerID
	switch {
	case !e.Addr.IsValid():
		return text
	case !e.Holder.Addr.IsValid():
		return fmt.Sprintf("%s: %s is not leased", text, e.Addr)
	default:
		return fmt.Sprintf("%s: %s is %s", text, e.Addr, leasedTo(e.Holder))
	}
}

// leasedTo describes the owner of a lease.
func leasedTo(l backend.Lease) string {
	if l.Owner.IsZero() {
		return "leased, but a crash tore the record of its holder"
	}
	text := "leased to " + l.Owner.ContainerID
	if known := details(l); known != "" {
		text += ", " + known
	}
	return text
}

// details describes a lease, without its address and container.
func details(l backend.Lease) string {
	var known []string
	if l.Owner.IfName != "" {
		known = append(known, "interface "+l.Owner.IfName)
	}
	if l.Pod != (backend.Pod{}) {
		known = append(known, "pod "+l.Pod.String())
	}
	if !l.Since.IsZero() {
		known = append(known, "since "+l.Since.UTC().Format(time.RFC3339))
	}
	return strings.Join(known, ", ")
}

// exhaustedError returns an ExhaustedError; cool is its Cool.
func exhaustedError(index int, s Set, cool time.Time) *ExhaustedError {
	e := &ExhaustedError{Index: index, Set: s, Leased: s.Size(), Cool: cool}
	var all uint64
	for _, r := range s.ranges {
		all = addSizes(all, r.span.Size())
	}
	e.Withheld = all - e.Leased
	return e
}

// wrapRange adds the index of the set, which the stock plugin calls a range.
func wrapRange(index int, err error) error {
	return fmt.Errorf("failed to allocate for range %d: %w", index, err)
}

func gatewayError(addr netip.Addr) error {
	return &RequestError{Addrs: []netip.Addr{addr}, Reason: fmt.Sprintf("requested ip %s is subnet's gateway", addr)}
}

func excludedError(addr netip.Addr, s Set) error {
	reason := fmt.Sprintf("requested IP address %s is not available in range set %s: it is excluded", addr, s)
	return &RequestError{Addrs: []netip.Addr{addr}, Reason: reason}
}

// notRequestableError says, for each address, why the pool cannot lease it. The text has all of
// it, because Podman shows the text of an error without its details.
func (p Pool) notRequestableError(left []netip.Addr) error {
	reason, why := "failed to allocate all requested IPs:", make([]string, len(left))
	for i, addr := range left {
		reason += " " + addr.String()
		why[i] = p.whyNot(addr)
		if len(left) > 1 {
			why[i] = addr.String() + ": " + why[i]
		}
	}
	reason += " (" + strings.Join(why, "; ") + ")"
	return &RequestError{Addrs: left, Reason: reason}
}

// whyNot says why a request for addr cannot be met.
func (p Pool) whyNot(addr netip.Addr) string {
	if i := p.index(addr); i >= 0 {
		return fmt.Sprintf("an attachment gets one address of %s", p.sets[i])
	}
	texts := make([]string, len(p.sets))
	for i, s := range p.sets {
		texts[i] = s.String()
		if slices.ContainsFunc(s.ranges, func(r Range) bool { return r.gateway == addr }) {
			return "the gateway"
		}
	}
	return "in no range of " + strings.Join(texts, ", ")
}
