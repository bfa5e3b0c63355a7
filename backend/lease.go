package backend

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// An Owner holds a lease: one network interface of one container. CNI calls the pair an
// attachment (CNI SPEC, section 2, parameters).
//
// The zero Owner is the unknown owner of a torn lease, whose record was destroyed by a
// crash. Such a lease counts as taken, but no container's DEL releases it.
type Owner struct {
	// ContainerID is the value of CNI_CONTAINERID.
	ContainerID string

	// IfName is the value of CNI_IFNAME. The host-local of 2015 did not record it; an empty
	// IfName matches every interface of the container.
	IfName string
}

// IsZero reports whether the owner is unknown.
func (o Owner) IsZero() bool { return o == Owner{} }

// Covers reports whether o and other name the same container, and the same interface unless
// one of them names none.
func (o Owner) Covers(other Owner) bool {
	return o.ContainerID == other.ContainerID &&
		(o.IfName == other.IfName || o.IfName == "" || other.IfName == "")
}

// String returns the container ID, followed by the interface in parentheses if there is
// one.
func (o Owner) String() string {
	switch {
	case o.IsZero():
		return "unknown"
	case o.IfName == "":
		return o.ContainerID
	default:
		return o.ContainerID + " (" + o.IfName + ")"
	}
}

// Validate returns an error if some store cannot record o: the container ID is empty, or a
// name is longer than [MaxNameLen], contains a control character, or begins or ends with a
// space.
//
// The rule is wider than CNI's own (SPEC, section 2), so that every owner in an old lease
// file can be moved to another store.
func (o Owner) Validate() error {
	if o.ContainerID == "" {
		return errors.New("container ID is empty")
	}
	if err := ValidateName(o.ContainerID); err != nil {
		return fmt.Errorf("container ID %q: %w", o.ContainerID, err)
	}
	if err := ValidateName(o.IfName); err != nil {
		return fmt.Errorf("interface name %q: %w", o.IfName, err)
	}
	return nil
}

// MaxNameLen is the maximum length in bytes of a name in a lease.
const MaxNameLen = 4096

// ValidateName returns an error unless every store can record s as a name in a lease: it is
// not longer than [MaxNameLen], and neither contains a control character nor begins or ends
// with a space. It can be empty.
func ValidateName(s string) error {
	switch {
	case len(s) > MaxNameLen:
		return fmt.Errorf("longer than %d bytes", MaxNameLen)
	case strings.TrimSpace(s) != s:
		return errors.New("begins or ends with a space")
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("contains a control character")
	}
	return nil
}

// A Pod names the Kubernetes pod of a container. The zero Pod means none or unknown.
type Pod struct {
	Namespace string
	Name      string
}

// String returns namespace/name, or only the name if there is no namespace, as for Podman's
// pods.
func (p Pod) String() string {
	if p.Namespace == "" {
		return p.Name
	}
	return p.Namespace + "/" + p.Name
}

// A Lease records that an address is taken.
type Lease struct {
	// Addr is the leased address: valid, without a zone, and not an IPv4-mapped IPv6
	// address.
	Addr netip.Addr

	// Owner holds the address. It is zero if a crash destroyed the record.
	Owner Owner

	// Since is when the lease was made, in UTC; zero if unknown. Its precision depends on
	// the store: see [Tx.Put].
	Since time.Time

	// Boot identifies the boot of the machine in which the lease was made; empty if
	// unknown.
	Boot string

	// Pod is the Kubernetes pod of the container; zero if unknown.
	Pod Pod

	// Netns is the path of the container's network namespace; empty if unknown.
	Netns string
}

// Validate returns an error if some store cannot record l.
func (l Lease) Validate() error {
	if err := ValidateAddr(l.Addr); err != nil {
		return err
	}
	if err := l.Owner.Validate(); err != nil {
		return err
	}
	for _, s := range []string{l.Boot, l.Pod.Namespace, l.Pod.Name, l.Netns} {
		if err := ValidateName(s); err != nil {
			return fmt.Errorf("%q: %w", s, err)
		}
	}
	return nil
}

// ValidateAddr returns an error unless addr meets the requirements of [Lease.Addr].
func ValidateAddr(addr netip.Addr) error {
	switch {
	case !addr.IsValid():
		return errors.New("address is not set")
	case addr.Zone() != "":
		return fmt.Errorf("address %s has a zone", addr)
	case addr.Is4In6():
		return fmt.Errorf("address %s is an IPv4 address in IPv6 form; use %s", addr, addr.Unmap())
	}
	return nil
}

// ValidateSet returns an error unless set can name a range set: 1 to 64 letters, digits,
// hyphens or underscores. Stores make it a part of a file name.
func ValidateSet(set string) error {
	if set == "" || len(set) > 64 {
		return fmt.Errorf("range set %q: want 1 to 64 characters", set)
	}
	for _, r := range set {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
		default:
			return fmt.Errorf("range set %q: want letters, digits, hyphens and underscores only", set)
		}
	}
	return nil
}
