package config

import "fmt"

// RefusedByStock returns an error for each range that [Parse] accepts and the stock plugin
// v1.10.0 rejects. The stock plugin's DEL reads the ranges too: if it is put back in place,
// it releases nothing and leaks every lease of the network. It returns nil for
// configurations that Parse rejects.
func RefusedByStock(stdin []byte) []error {
	raw, err := decodeConfig(stdin)
	if err != nil || raw.IPAM == nil {
		return nil
	}
	refused := refusedSets("runtimeConfig.ipRanges", raw.IPRanges)
	refused = append(refused, refusedRange("ipam", raw.IPAM.rawRange)...)
	return append(refused, refusedSets("ipam.ranges", raw.IPAM.Ranges)...)
}

func refusedSets(key string, sets list[list[rawRange]]) (refused []error) {
	for i, set := range sets {
		for j, r := range set {
			refused = append(refused, refusedRange(fmt.Sprintf("%s[%d][%d]", key, i, j), r)...)
		}
	}
	return refused
}

// refusedRange returns at most one error, for the first problem that the stock plugin
// finds.
func refusedRange(key string, r rawRange) []error {
	subnet, ok := parseCIDR(r.Subnet.text)
	if !ok {
		return nil
	}
	gateway, named := parseAddr(r.Gateway)
	refuse := func(advice, format string, args ...any) []error {
		return []error{invalid(advice+" before putting the stock plugin back",
			"stock host-local v1.10.0 rejects this network, even in a DEL: "+format, args...)}
	}
	switch {
	case r.Gateway == "none":
		return refuse("name a gateway", "%s.gateway is \"none\", which it does not support", key)
	case r.is2015() && subnet != subnet.Masked():
		return refuse("write "+subnet.Masked().String(), "%s.subnet %s has host bits set", key, subnet)
	case subnet.Bits() > subnet.Addr().BitLen()-2:
		return refuse("move the containers to a larger subnet", "%s.subnet %s is too small for it", key, subnet)
	case named && !subnet.Contains(gateway):
		return refuse("use a gateway in the subnet", "%s.gateway %q is outside the subnet %s", key, gateway, subnet)
	}
	return nil
}
