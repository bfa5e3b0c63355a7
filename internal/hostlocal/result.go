package hostlocal

import (
	"bytes"
	"io"
	"net/netip"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/resolvconf"
)

// writeResult writes the result of an ADD, in the CNI version of the configuration, with a
// single write.
func writeResult(w io.Writer, c *config.Config, got []allocator.Assignment, dns resolvconf.DNS) error {
	text, err := encodeResult(c, got, dns)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// encodeResult encodes a result (CNI SPEC, section "Success", of each version). The CNI library
// would convert it from version to version and study Go types with package reflect, and every
// container would wait for that.
func encodeResult(c *config.Config, got []allocator.Assignment, dns resolvconf.DNS) ([]byte, error) {
	var text bytes.Buffer
	e := newEncoder(&text, jsontext.WithIndent("    ")) // as the stock plugin indents
	e.object(func() {
		e.text("cniVersion", c.CNIVersion)
		switch c.CNIVersion {
		case "0.1.0", "0.2.0":
			e.family("ip4", got, c.Routes, true)
			e.family("ip6", got, c.Routes, false)
			e.dns(dns)
		case "0.3.0", "0.3.1", "0.4.0":
			e.ips(got, true)
			e.routes(c.Routes)
			e.dns(dns)
		default:
			e.ips(got, false)
			e.routes(c.Routes)
			if !dns.IsEmpty() {
				e.dns(dns)
			}
		}
	})
	return text.Bytes(), e.err
}

// ips encodes the addresses as versions since 0.3.0 have them; with their family, as versions before
// 1.0.0 do.
func (e *encoder) ips(got []allocator.Assignment, withFamily bool) {
	e.array("ips", func() {
		for _, as := range got {
			e.object(func() {
				if withFamily {
					e.text("version", familyOf(as.Addr.Addr()))
				}
				e.text("address", as.Addr.String())
				e.addr("gateway", as.Gateway)
			})
		}
	})
}

func familyOf(addr netip.Addr) string {
	if addr.Is4() {
		return "4"
	}
	return "6"
}

// family encodes the address of one family, of which there is at most one, and its routes, as
// versions before 0.3.0 have them. A route has no other fields there.
func (e *encoder) family(key string, got []allocator.Assignment, routes []*config.Route, is4 bool) {
	for _, as := range got {
		if as.Addr.Addr().Is4() != is4 {
			continue
		}
		var own []*config.Route
		for _, r := range routes {
			if r.Dst.Addr().Is4() == is4 {
				own = append(own, &config.Route{Dst: r.Dst, GW: r.GW})
			}
		}
		e.key(key)
		e.object(func() {
			e.text("ip", as.Addr.String())
			e.addr("gateway", as.Gateway)
			e.routes(own)
		})
	}
}

func (e *encoder) routes(routes []*config.Route) {
	if len(routes) == 0 {
		return
	}
	e.array("routes", func() {
		for _, r := range routes {
			e.object(func() { e.route(r) })
		}
	})
}

func (e *encoder) route(r *config.Route) {
	e.text("dst", r.Dst.String())
	e.addr("gw", r.GW)
	for _, n := range []struct {
		key   string
		value int
	}{{"mtu", r.MTU}, {"advmss", r.AdvMSS}, {"priority", r.Priority}} {
		if n.value != 0 {
			e.number(n.key, n.value)
		}
	}
	if r.Table != nil {
		e.number("table", *r.Table)
	}
	if r.Scope != nil {
		e.number("scope", *r.Scope)
	}
}

func (e *encoder) dns(d resolvconf.DNS) {
	e.key("dns")
	e.object(func() {
		e.texts("nameservers", d.Nameservers)
		if d.Domain != "" {
			e.text("domain", d.Domain)
		}
		e.texts("search", d.Search)
		e.texts("options", d.Options)
	})
}
