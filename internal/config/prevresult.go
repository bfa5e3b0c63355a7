package config

import "net/netip"

// ParsePrevResult reads the addresses of prevResult, which CHECK compares with the leases.
// It understands the results of every CNI version, and returns nil if there is no
// prevResult.
//
// It is separate from [Parse] because only CHECK needs prevResult: an ADD must not fail
// because of another plugin's result.
func ParsePrevResult(stdin []byte) ([]netip.Addr, error) {
	type oldIP struct {
		IP string `json:"ip"`
	}
	var raw struct {
		PrevResult *struct {
			IPs []struct {
				Address string `json:"address"`
			} `json:"ips"`

			// Before CNI 0.3.0.
			IP4 *oldIP `json:"ip4"`
			IP6 *oldIP `json:"ip6"`
		} `json:"prevResult"`
	}
	if err := Decode(stdin, &raw); err != nil || raw.PrevResult == nil {
		return nil, err
	}
	var texts []string
	for _, ip := range raw.PrevResult.IPs {
		texts = append(texts, ip.Address)
	}
	for _, ip := range []*oldIP{raw.PrevResult.IP4, raw.PrevResult.IP6} {
		if ip != nil {
			texts = append(texts, ip.IP)
		}
	}
	return prevAddrs(texts)
}

func prevAddrs(texts []string) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, text := range texts {
		addr, ok := parseAddrOrCIDR(text)
		if !ok {
			return nil, invalid("pass the result of the ADD unchanged", "prevResult: %q is not an address", text)
		}
		addrs = append(addrs, addr)
	}
	return addrs, nil
}
