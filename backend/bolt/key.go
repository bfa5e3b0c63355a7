package bolt

import (
	"fmt"
	"hash/fnv"
	"net/netip"
)

// An address as a key is its family, 4 or 6, and its bytes in network order, so
// that keys sort as netip.Addr.Compare does: all of IPv4 before all of IPv6.

func addrKey(addr netip.Addr) []byte {
	return appendAddr(make([]byte, 0, 1+16), addr)
}

func appendAddr(b []byte, addr netip.Addr) []byte {
	if addr.Is4() {
		a := addr.As4()
		return append(append(b, 4), a[:]...)
	}
	a := addr.As16()
	return append(append(b, 6), a[:]...)
}

func keyAddr(key []byte) (netip.Addr, error) {
	if len(key) == 1+4 && key[0] == 4 {
		return netip.AddrFrom4([4]byte(key[1:])), nil
	}
	if len(key) == 1+16 && key[0] == 6 {
		return netip.AddrFrom16([16]byte(key[1:])), nil
	}
	return netip.Addr{}, fmt.Errorf("key %x is no address", key)
}

// hashLen is the length of the hash of a container ID in the owners index.
const hashLen = 8

// ownerKey is where the owners index lists that addr is leased to a container.
// A hash stands for the container ID because it is an eighth as long as most;
// whoever reads the index compares the lease itself.
func ownerKey(containerID string, addr netip.Addr) []byte {
	h := fnv.New64a()
	h.Write([]byte(containerID)) // a hash never fails
	return appendAddr(h.Sum(make([]byte, 0, hashLen+1+16)), addr)
}

// ownerPrefix is what all keys of a container in the owners index begin with.
func ownerPrefix(containerID string) []byte {
	return ownerKey(containerID, netip.IPv4Unspecified())[:hashLen]
}
