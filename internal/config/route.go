package config

import (
	"encoding/json"
	"errors"
	"net/netip"
)

// A Route goes from the configuration into the result unchanged.
type Route struct {
	Dst                   Prefix
	GW                    netip.Addr // can be zero
	MTU, AdvMSS, Priority int        // 0 if missing
	Table, Scope          *int       // nil if missing
}

// A Prefix is a destination. It has its host bits, as the CNI library keeps them, and is written as
// IPv4 if it is mapped into IPv6.
type Prefix struct{ netip.Prefix }

// String returns the prefix as the CNI library writes it, also a missing one.
func (p Prefix) String() string {
	if !p.IsValid() {
		return "<nil>"
	}
	return p.Prefix.String()
}

// setNull rejects null, as the CNI library does.
func (p *Prefix) setNull() error { return p.setText("") }

func (p *Prefix) setText(text string) error {
	prefix, ok := parseCIDR(text)
	if !ok {
		return &addrError{"invalid CIDR address: " + text}
	}
	if a := prefix.Addr(); a.Is4In6() {
		prefix = netip.PrefixFrom(a.Unmap(), max(prefix.Bits()-(128-32), 0))
	}
	*p = Prefix{prefix}
	return nil
}

// A gateway is an address that can be missing.
type gateway netip.Addr

func (g *gateway) setNull() error { return g.setText("") }

func (g *gateway) setText(text string) error {
	addr, ok := parseAddr(text)
	if !ok && text != "" {
		return &addrError{"invalid IP address: " + text}
	}
	*g = gateway(addr)
	return nil
}

// An addrError is a text that is not an address.
type addrError struct{ text string }

func (e *addrError) Error() string { return e.text }

func (r *Route) fields() object {
	return object{
		{"dst", &r.Dst},
		{"gw", (*gateway)(&r.GW)},
		{"mtu", &r.MTU},
		{"advmss", &r.AdvMSS},
		{"priority", &r.Priority},
		{"table", &r.Table},
		{"scope", &r.Scope},
	}
}

// routes decodes the routes one by one, so that an error can name the route.
func routes(raw []json.RawMessage) ([]*Route, error) {
	var routes []*Route
	for i, data := range raw {
		if string(data) == "null" {
			continue // host-local accepts null, which means nothing.
		}
		route := new(Route)
		key := indexed("ipam.routes", i)
		if err := decodeAt(key, data, route); err != nil {
			return nil, routeError(key, err)
		}
		routes = append(routes, route)
	}
	return routes, nil
}

func routeError(key string, err error) error {
	const form = `write a route as {"dst": "10.1.0.0/16", "gw": "10.1.2.1"}`
	var wrong *addrError
	if errors.As(err, &wrong) {
		return invalid(form, "%s (%s)", wrong, key)
	}
	if explained := (*Error)(nil); errors.As(err, &explained) {
		explained.Advice = form
	}
	return err
}
