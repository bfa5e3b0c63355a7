package config

import (
	"net/netip"
	"strconv"
	"strings"
)

// parseAddr accepts what net.ParseIP accepts: netip addresses without zones. It turns an
// IPv4-mapped IPv6 address into an IPv4 address.
func parseAddr(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

// parseCIDR accepts what net.ParseCIDR accepts: netip prefixes, but also with leading zeros
// in the length. It keeps host bits and IPv4-mapped IPv6 addresses.
func parseCIDR(s string) (netip.Prefix, bool) {
	text, length, _ := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, false
	}
	bits, err := strconv.ParseUint(length, 10, 8)
	if err != nil {
		return netip.Prefix{}, false
	}
	prefix := netip.PrefixFrom(addr, int(bits))
	return prefix, prefix.IsValid()
}

// parseAddrOrCIDR returns the address of "a" or "a/len".
func parseAddrOrCIDR(s string) (netip.Addr, bool) {
	if !strings.Contains(s, "/") {
		return parseAddr(s)
	}
	prefix, ok := parseCIDR(s)
	return prefix.Addr().Unmap(), ok
}
