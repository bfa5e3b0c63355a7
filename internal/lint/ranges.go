package lint

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/config"
)

// ranges reports findings about the ranges of the network.
func (l *linter) ranges(host []HostAddr) {
	l.rejectedByStock()
	for _, r := range rangesOf(l.network) {
		l.ends(r)
		l.onlyGateway(r)
		for _, h := range host {
			if r.Leasable(h.Addr) {
				l.problem(fmt.Sprintf(`write "exclude": [%q] in %s, or end the range before it`, h.Addr, r.key),
					"%s: the range %s includes %s, an address of this host (%s): a container will get it", r.key, r, h.Addr, h.Interface).Addr = h.Addr
			}
		}
	}
}

// ends reports IPv4 network and broadcast addresses (RFC 922; a /31 and a /32 have none,
// RFC 3021). Since Linux 5.14 a network address can be used like any other if all hosts
// support that.
func (l *linter) ends(r keyedRange) {
	subnet := r.Subnet()
	if !subnet.Addr().Is4() || subnet.Bits() > 30 {
		return
	}
	all := allocator.SpanOf(subnet)
	if addr := all.First; r.Leasable(addr) {
		l.note(fmt.Sprintf(`write "rangeStart": %q`, addr.Next()),
			"%s.rangeStart %q: this is the network address of %s, and can be leased", r.key, addr, subnet).Addr = addr
	}
	if addr := all.Last; r.Leasable(addr) {
		l.note(fmt.Sprintf(`write "rangeEnd": %q`, addr.Prev()),
			"%s.rangeEnd %q: this is the broadcast address of %s, and can be leased; nothing on the subnet reaches a container that has it",
			r.key, addr, subnet).Addr = addr
	}
}

// rejectedByStock reports what prevents a return to the stock plugin.
func (l *linter) rejectedByStock() {
	for _, err := range config.RefusedByStock(l.network.Text) {
		if e := (*config.Error)(nil); errors.As(err, &e) {
			l.note(e.Advice, "%s", e.Text)
		}
	}
}

// onlyGateway reports ranges without leasable addresses.
func (l *linter) onlyGateway(r keyedRange) {
	if r.Size() > 0 {
		return
	}
	if r.First() == r.Last() && r.First() == r.Gateway() {
		l.problem(fmt.Sprintf(`write another gateway, or "gateway": "none", or a longer range, in %s`, r.key),
			"%s: the range %s has only the gateway, so every ADD fails", r.key, r)
		return
	}
	l.problem("make the range longer, or exclude less", "%s: every address of the range %s is excluded or the gateway, so every ADD fails", r.key, r)
}

// ignoredRangeKeys reports keys of a range in ipam without a subnet in ipam: they apply to
// a range there, which does not exist.
func (l *linter) ignoredRangeKeys() {
	var raw struct {
		IPAM map[string]any `json:"ipam"`
	}
	if json.Unmarshal(l.network.Text, &raw) != nil {
		return
	}
	keys := make(map[string]any)
	for key, value := range raw.IPAM {
		keys[strings.ToLower(key)] = value
	}
	if keys["subnet"] != nil || keys["ranges"] == nil {
		return
	}
	for _, key := range []string{"rangeStart", "rangeEnd", "gateway", "range-start", "range-end"} {
		if value := keys[strings.ToLower(key)]; value != nil && value != "" {
			l.problem("write it in ipam.ranges[0][0]", "ipam.%s %s: this key applies to a subnet beside it and is ignored without one", key, shown(value))
		}
	}
}

type rangeEnds struct {
	Start string `json:"rangeStart"`
	End   string `json:"rangeEnd"`
}

func (e rangeEnds) both() bool { return e.Start != "" && e.End != "" }

// asConfigured reports whether the configuration has both ends of the range.
func (r keyedRange) asConfigured(text []byte) bool {
	var raw struct {
		IPAM struct {
			rangeEnds
			Ranges [][]rangeEnds `json:"ranges"`
		} `json:"ipam"`
	}
	if json.Unmarshal(text, &raw) != nil {
		return false
	}
	if r.key == "ipam" {
		return raw.IPAM.both()
	}
	for i, set := range raw.IPAM.Ranges {
		for j, e := range set {
			if r.key == fmt.Sprintf("ipam.ranges[%d][%d]", i, j) {
				return e.both()
			}
		}
	}
	return false
}

// ends returns advice with the ends of a network, or "".
func ends(v any) string {
	text, _ := v.(string)
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return ""
	}
	span := allocator.SpanOf(prefix)
	return fmt.Sprintf(", here %q and %q", span.First, span.Last)
}

// isAbs reports whether a path is absolute on a node, which may be another system than this
// one.
func isAbs(path string) bool { return strings.HasPrefix(path, "/") || filepath.IsAbs(path) }
