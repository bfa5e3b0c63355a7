package backend

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// An Owner is what holds a lease: one network interface of one container. CNI
// calls the pair an attachment (CNI SPEC, section 2, parameters).
//
// The zero Owner stands for a holder that is not known: the lease file was torn
// by a crash. Such a lease counts as taken, but nobody can release it by name.
type Owner struct {
	// ContainerID is the value of CNI_CONTAINERID.
	ContainerID string

	// IfName is the value of CNI_IFNAME. Host-local of 2015 did not record
	// it; an empty IfName stands for every interface of the container.
	IfName string
}

// IsZero reports whether the owner is not known.
func (o Owner) IsZero() bool { return o == Owner{} }

// Covers reports whether what belongs to other belongs to o as well: they name
// the same container, and the same interface or, on either side, none.
func (o Owner) Covers(other Owner) bool {
	return o.ContainerID == other.ContainerID &&
		(o.IfName == other.IfName || o.IfName == "" || other.IfName == "")
}

// String returns the container ID, followed by the interface in parentheses
// where one is named.
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

// Validate returns an error if o cannot be recorded by every store: the
// container ID is empty or longer than [MaxNameLen], or a name contains
// a control character or begins or ends with a space.
//
// The rule is wider than CNI's own (SPEC, section 2), so that whatever stands in
// an old lease file can be moved to another store.
func (o Owner) Validate() error {
	if o.ContainerID == "" {
		return errors.New("container ID is empty")
	}
	if err := validName(o.ContainerID); err != nil {
		return fmt.Errorf("container ID %q: %w", o.ContainerID, err)
	}
	if err := validName(o.IfName); err != nil {
		return fmt.Errorf("interface name %q: %w", o.IfName, err)
	}
	return nil
}

// MaxNameLen is the longest name, in bytes, that a lease can carry.
const MaxNameLen = 4096

func validName(s string) error {
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

// A Pod names the Kubernetes pod that a container belongs to. The zero Pod
// stands for none or not known.
type Pod struct {
	Namespace string
	Name      string
}

// String returns namespace/name, or the name alone of one without a namespace: Podman has
// pods, and no namespaces.
func (p Pod) String() string {
	if p.Namespace == "" {
		return p.Name
	}
	return p.Namespace + "/" + p.Name
}

// A Lease is the fact that an address is taken.
type Lease struct {
	// Addr is the leased address: valid, without a zone, and never an IPv4
	// address in IPv6 form.
	Addr netip.Addr

	// Owner holds the address. It is zero where a crash tore the record.
	Owner Owner

	// Since is when the lease was made, in UTC; zero if not known. Stores keep
	// it more or less finely: see [Tx.Put].
	Since time.Time

	// Boot identifies the boot of the machine in which the lease was made;
	// empty if not known.
	Boot string

	// Pod is the Kubernetes pod of the container; zero if not known.
	Pod Pod

	// Netns is the path of the container's network namespace; empty if not
	// known.
	Netns string
}

// Validate returns an error if l cannot be put into a store.
func (l Lease) Validate() error {
	if err := ValidAddr(l.Addr); err != nil {
		return err
	}
	if err := l.Owner.Validate(); err != nil {
		return err
	}
	for _, s := range []string{l.Boot, l.Pod.Namespace, l.Pod.Name, l.Netns} {
		if err := validName(s); err != nil {
			return fmt.Errorf("%q: %w", s, err)
		}
	}
	return nil
}

// ValidAddr returns an error unless addr is an address as [Lease.Addr]
// describes it.
func ValidAddr(addr netip.Addr) error {
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

// ValidSet returns an error unless set can name a range set: one to 64 letters,
// digits, hyphens or underscores. Stores turn it into a part of a file name.
func ValidSet(set string) error {
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
