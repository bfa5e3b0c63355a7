package lint

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/leasehold/leasehold/internal/netconf"
)

// overlaps reports networks that can lease the same address. Networks of one store cannot:
// a store leases an address once, whatever the configurations say. It can be a link to another network's.
func overlaps(networks []netconf.Network) (found []Finding) {
	for i, a := range networks {
		for _, b := range networks[i+1:] {
			if a.Name == b.Name && netconf.IsSameDir(a.DataDir, b.DataDir) {
				continue
			}
			if f, ok := overlap(a, b); ok && !netconf.IsSameDir(a.Path(), b.Path()) {
				found = append(found, f)
			}
		}
	}
	return found
}

// overlap returns the first overlap of two networks.
func overlap(a, b netconf.Network) (Finding, bool) {
	for _, r := range rangesOf(a) {
		for _, s := range rangesOf(b) {
			for _, span := range r.Spans() {
				for _, other := range s.Spans() {
					if span.Contains(other.First) || other.Contains(span.First) {
						return overlapping(a, r, b, s), true
					}
				}
			}
		}
	}
	return Finding{}, false
}

func overlapping(a netconf.Network, r keyedRange, b netconf.Network, s keyedRange) Finding {
	other := b.Name
	if a.Name == b.Name {
		other = "the network of the same name in " + b.DataDir
	}
	f := Finding{
		File: a.File, Network: a.Name, Other: b.Name, OtherFile: b.File,
		Text: fmt.Sprintf("%s: the range %s overlaps with %s of %s (%s in %s): both can lease the same addresses",
			r.key, r, s, other, s.key, filepath.Base(b.File)),
		Advice: "give each network its own subnet, or its own rangeStart and rangeEnd",
	}
	if Apart(a, b) {
		f.Note = true
		f.Text += fmt.Sprintf(", on %s and on %s", linkOf(a), linkOf(b))
		f.Advice = "this is correct if the two links are not connected; otherwise give each network its own subnet, or its own rangeStart and rangeEnd"
	}
	return f
}

// Apart reports whether two networks put containers on different links of the host, so that
// they may use the same addresses: VLANs, or ports with a router each.
func Apart(a, b netconf.Network) bool {
	x, y := linkOf(a), linkOf(b)
	return x != "" && y != "" && x != y
}

// linkOf returns the link of the host that the plugin puts containers on, if the
// configuration names one. A bridge or a veth belongs to the host, which has one route for
// a subnet.
func linkOf(n netconf.Network) string {
	if !slices.Contains([]string{"macvlan", "ipvlan", "vlan"}, n.Plugin) {
		return ""
	}
	var raw struct {
		Master string `json:"master"`
		VlanID int    `json:"vlanId"`
	}
	if json.Unmarshal(n.Text, &raw) != nil || raw.Master == "" {
		return ""
	}
	if raw.VlanID != 0 {
		return fmt.Sprintf("%s.%d", raw.Master, raw.VlanID)
	}
	return raw.Master
}
