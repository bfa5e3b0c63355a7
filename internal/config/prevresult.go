package config

import "net/netip"

// ParsePrevResult reads the addresses of prevResult, which CHECK compares with the leases.
// It understands the results of every CNI version, and returns nil if there is no
// prevResult.
//
// It is separate from [Parse] because only CHECK needs prevResult: an ADD must not fail
// because of another plugin's result.
func ParsePrevResult(stdin []byte) ([]netip.Addr, error) {
	var raw *prevResult
	if err := Decode(stdin, object{{"prevResult", optional(&raw)}}); err != nil || raw == nil {
		return nil, err
	}
	var texts []string
	for _, ip := range raw.IPs {
		texts = append(texts, ip.Address)
	}
	for _, ip := range []*oldIP{raw.IP4, raw.IP6} {
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

type prevResult struct {
	IPs      list[prevIP]
	IP4, IP6 *oldIP // before CNI 0.3.0
}

func (r *prevResult) fields() object {
	return object{{"ips", &r.IPs}, {"ip4", optional(&r.IP4)}, {"ip6", optional(&r.IP6)}}
}

type prevIP struct{ Address string }

func (ip *prevIP) fields() object { return object{{"address", &ip.Address}} }

type oldIP struct{ IP string }

func (ip *oldIP) fields() object { return object{{"ip", &ip.IP}} }
