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

// ranges says what is odd about the ranges of the network.
func (l *linter) ranges(host []HostAddr) {
	l.refusedByStock()
	for _, r := range rangesOf(l.network) {
		l.ends(r)
		l.onlyGateway(r)
		for _, h := range host {
			if r.Leasable(h.Addr) {
				l.problem(fmt.Sprintf(`write "exclude": [%q] in %s, or end the range before it`, h.Addr, r.key),
					"%s: the range %s has %s, which is an address of this host (%s): a container will get it", r.key, r, h.Addr, h.Interface).Addr = h.Addr
			}
		}
	}
}

// ends is about addresses that IPv4 has for other uses (RFC 922; in a /31 and a /32 there
// are none, RFC 3021). Since Linux 5.14 a network address is one like others, if all that
// meet it know so.
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

// refusedByStock says what keeps the stock plugin from taking this one's place again.
func (l *linter) refusedByStock() {
	for _, err := range config.RefusedByStock(l.network.Text) {
		if e := (*config.Error)(nil); errors.As(err, &e) {
			l.note(e.Advice, "%s", e.Text)
		}
	}
}

// onlyGateway is about ranges that have no address to lease.
func (l *linter) onlyGateway(r keyedRange) {
	if r.Size() > 0 {
		return
	}
	if r.First() == r.Last() && r.First() == r.Gateway() {
		l.problem(fmt.Sprintf(`write another gateway, or "gateway": "none", or a longer range, in %s`, r.key),
			"%s: the range %s has only the gateway, so that every ADD fails", r.key, r)
		return
	}
	l.problem("make the range longer, or exclude less", "%s: all of the range %s is excluded or the gateway, so that every ADD fails", r.key, r)
}

// passedOver says of keys of a range that stand in ipam where ipam has no subnet: they are
// for a range there, and there is none.
func (l *linter) passedOver() {
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
			l.problem("write it in ipam.ranges[0][0]", "ipam.%s %s: it is for a subnet beside it, and there is none: it is passed over", key, shown(value))
		}
	}
}

type rangeEnds struct {
	Start string `json:"rangeStart"`
	End   string `json:"rangeEnd"`
}

func (e rangeEnds) both() bool { return e.Start != "" && e.End != "" }

// asConfigured reports whether the range has both of its ends from the configuration.
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

// ends returns the ends of a network as keys of a range, for an advice; or nothing.
func ends(v any) string {
	text, _ := v.(string)
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return ""
	}
	span := allocator.SpanOf(prefix)
	return fmt.Sprintf(", here %q and %q", span.First, span.Last)
}

// isAbs reports whether a path is absolute, on a node, which need not be this machine.
func isAbs(path string) bool { return strings.HasPrefix(path, "/") || filepath.IsAbs(path) }
