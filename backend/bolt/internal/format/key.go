package format

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net/netip"
)

// maxAddrKey is the length of the key of an IPv6 address.
const maxAddrKey = 1 + 16

// AddrKey returns the key of an address: its family, 4 or 6, and its bytes in network
// order. So keys sort as [netip.Addr.Compare] does, all of IPv4 before all of IPv6.
func AddrKey(addr netip.Addr) []byte {
	return appendAddr(make([]byte, 0, maxAddrKey), addr)
}

func appendAddr(b []byte, addr netip.Addr) []byte {
	if addr.Is4() {
		a := addr.As4()
		return append(append(b, 4), a[:]...)
	}
	a := addr.As16()
	return append(append(b, 6), a[:]...)
}

// ParseAddr returns the address of a key.
func ParseAddr(key []byte) (netip.Addr, error) {
	if len(key) == 1+4 && key[0] == 4 {
		return netip.AddrFrom4([4]byte(key[1:])), nil
	}
	if len(key) == 1+16 && key[0] == 6 {
		return netip.AddrFrom16([16]byte(key[1:])), nil
	}
	return netip.Addr{}, fmt.Errorf("key %x is not an address", key)
}

// DescribeKeys describes the keys from one up to another by their addresses, as " from A to
// below B". A key that is not of an address is left out.
func DescribeKeys(from, to []byte) (text string) {
	if a, err := ParseAddr(from); err == nil {
		text += fmt.Sprintf(" from %s", a)
	}
	if a, err := ParseAddr(to); err == nil {
		text += fmt.Sprintf(" to below %s", a)
	}
	return text
}

// HashLen is the length of the hash of a container ID in the owners index.
const HashLen = 8

// OwnerKey is the key in the owners index for a lease of addr by a container. It has a
// hash of the container ID, because that is an eighth as long as most IDs; readers of the
// index compare the lease itself.
func OwnerKey(containerID string, addr netip.Addr) []byte {
	return HashedOwnerKey(OwnerHash(containerID), addr)
}

// OwnerHash returns the hash of a container ID.
func OwnerHash(containerID string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(containerID)) // a hash never fails
	return h.Sum64()
}

// OwnerPrefix is the prefix of all keys of a container in the owners index.
func OwnerPrefix(containerID string) []byte {
	return binary.BigEndian.AppendUint64(nil, OwnerHash(containerID))
}

// HashedOwnerKey is [OwnerKey] for the hash of a container ID.
func HashedOwnerKey(hash uint64, addr netip.Addr) []byte {
	return appendAddr(binary.BigEndian.AppendUint64(make([]byte, 0, HashLen+maxAddrKey), hash), addr)
}

// A lease names its boot by a number, because there are few boots and many leases of each.
// The bucket boots has the boot IDs. Numbers begin at 1 and are never reused; 0 is an unknown
// boot.

// BootNumber returns the key of a boot.
func BootNumber(n uint64) []byte {
	return binary.BigEndian.AppendUint64(nil, n)
}

// ParseBootNumber returns the number of a boot from its key, and 0 for a nil key.
func ParseBootNumber(key []byte) (uint64, error) {
	switch len(key) {
	case 0:
		return 0, nil
	case 8:
		return binary.BigEndian.Uint64(key), nil
	}
	return 0, fmt.Errorf("key of a boot is %d bytes, want 8", len(key))
}
