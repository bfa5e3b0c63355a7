package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/lint"
	"github.com/leasehold/leasehold/internal/netconf"
)

// label precedes the text of a finding.
func (f finding) label() string {
	if f.Note {
		return "note: "
	}
	return ""
}

// around returns what is found around the stores of networks: in configurations, in other
// stores, and beside them.
func (t *tool) around(cmd *cobra.Command, networks []network, named bool) ([]finding, error) {
	configured, err := t.inConfigurations(cmd, networks, named)
	if err != nil {
		return nil, err
	}
	found := append(configured, t.leasedTwice(cmd, networks)...)
	if named {
		return found, nil
	}
	for _, b := range t.bystanders {
		found = append(found, finding{Network: b.name, Finding: fmt.Sprintf("%s is %s, and no network", b.path, b.what), Note: true})
	}
	return found, nil
}

// lint returns what lint finds, of the configurations as they are used here.
func (t *tool) lint() ([]lint.Finding, error) {
	var host []lint.HostAddr
	if t.hostAddrs != nil {
		var err error
		if host, err = t.hostAddrs(); err != nil {
			return nil, fmt.Errorf("the addresses of this host: %w", err)
		}
	}
	node := t.node
	node.Networks = slices.Clone(node.Networks)
	if len(t.dataDirFlag) > 0 {
		for i, c := range node.Networks {
			node.Networks[i].DataDir = filepath.Dir(t.pathOf(c))
		}
	}
	return lint.Node(node, host), nil
}

// inConfigurations returns what lint finds about networks, or about all that there is.
func (t *tool) inConfigurations(cmd *cobra.Command, networks []network, named bool) (found []finding, err error) {
	all, err := t.lint()
	if err != nil {
		return nil, err
	}
	if !named {
		for _, p := range t.node.Problems {
			found = append(found, finding{Network: filepath.Base(p.File), Finding: p.Err.Error()})
		}
	}
	for _, f := range all {
		i := slices.IndexFunc(networks, func(n network) bool { return f.About(n.name) })
		if i < 0 && named {
			continue
		}
		finding := finding{Network: cmp.Or(f.Network, filepath.Base(f.File)), Note: f.Note, Finding: filepath.Base(f.File) + ": " + f.Text}
		if i >= 0 {
			finding.Finding += t.heldBy(cmd, networks[i], f.Addr)
			finding.Store, _ = networks[i].kind() // Whatever is wrong there has been told.
		}
		finding.Finding += "; " + f.Advice
		found = append(found, finding)
	}
	return found, nil
}

// heldBy says who holds an address, if it is one that is leased.
func (t *tool) heldBy(cmd *cobra.Command, n network, addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	l, err := t.leaseOf(cmd, n, addr)
	if err != nil {
		return "" // It is not leased, or the store cannot be read, which has been told.
	}
	return ", and has it now: it is leased, " + t.holder(l)
}

// misplaced says why an address should not be leased, as the configurations now are; nothing
// if it can be, or if they do not tell.
func (n network) misplaced(addr netip.Addr) string {
	text := ""
	for _, pool := range n.pools() {
		for _, set := range pool.Sets() {
			for _, r := range set.Ranges() {
				switch {
				case isBroadcast(r, addr):
					text = "it is the broadcast address of " + r.Subnet().String() + ": nothing on the subnet reaches it"
				case r.Leasable(addr):
					return ""
				case r.Gateway() == addr:
					text = "it is the gateway of new containers"
				case r.Contains(addr):
					text = cmp.Or(text, "it is excluded")
				}
			}
		}
	}
	if text == "" && !n.contains(addr) {
		return "lies in no range of the configuration"
	}
	return text
}

// isBroadcast reports whether addr is the broadcast address of the range's subnet.
func isBroadcast(r allocator.Range, addr netip.Addr) bool {
	subnet := r.Subnet()
	return subnet.Addr().Is4() && subnet.Bits() <= 30 && allocator.SpanOf(subnet).Last == addr
}

// A pair is two networks with addresses that are leased in both.
type pair struct {
	a, b      network
	addresses []netip.Addr
}

// leasedTwice returns the addresses that are leased in two stores, of which one is of the
// networks: after a data directory was moved, or where ranges overlap.
func (t *tool) leasedTwice(cmd *cobra.Command, networks []network) (found []finding) {
	all := t.withoutBystanders(t.discovered)
	leased := make([][]netip.Addr, len(all))
	for i, n := range all {
		leased[i] = t.leasedAddrs(cmd, n)
	}
	among := func(n network) bool {
		return slices.ContainsFunc(networks, func(other network) bool { return other.path == n.path })
	}
	for i, a := range all {
		for j := i + 1; j < len(all); j++ {
			both := intersection(leased[i], leased[j])
			if len(both) > 0 && (among(a) || among(all[j])) {
				found = append(found, t.tellPair(cmd, pair{a, all[j], both}))
			}
		}
	}
	return found
}

// leasedAddrs returns the addresses of the leases, in order. A store that cannot be read has
// none, nor has one that was replaced: what is wrong with it is another finding.
func (t *tool) leasedAddrs(cmd *cobra.Command, n network) []netip.Addr {
	leases, err := allocator.ReadLeases(cmd.Context(), t.often(n))
	if err != nil {
		return nil
	}
	addrs := make([]netip.Addr, len(leases))
	for i, l := range leases {
		addrs[i] = l.Addr
	}
	return addrs
}

// intersection returns what is in both of two lists in order.
func intersection(a, b []netip.Addr) (both []netip.Addr) {
	for len(a) > 0 && len(b) > 0 {
		switch c := a[0].Compare(b[0]); {
		case c < 0:
			a = a[1:]
		case c > 0:
			b = b[1:]
		default:
			both = append(both, a[0])
			a, b = a[1:], b[1:]
		}
	}
	return both
}

func (t *tool) tellPair(cmd *cobra.Command, p pair) finding {
	const shown = 3
	var texts []string
	for _, addr := range p.addresses[:min(len(p.addresses), shown)] {
		texts = append(texts, fmt.Sprintf("%s (%s, and %s)", addr, t.holderIn(cmd, p.a, addr), t.holderIn(cmd, p.b, addr)))
	}
	if more := len(p.addresses) - shown; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	f := finding{Network: p.a.name, Finding: fmt.Sprintf("leased in %s and in %s: %s; see which containers have them, and release the other leases",
		p.a.path, p.b.path, strings.Join(texts, ", "))}
	f.Store, _ = p.a.kind() // It could be read a moment ago.
	f.Note = apart(p.a.confs, p.b.confs)
	return f
}

func (t *tool) holderIn(cmd *cobra.Command, n network, addr netip.Addr) string {
	l, err := t.leaseOf(cmd, n, addr)
	if err != nil {
		return "released just now"
	}
	return t.holder(l)
}

// apart reports whether two networks are on different links of the host.
func apart(a, b []netconf.Network) bool {
	for _, x := range a {
		for _, y := range b {
			if !lint.Apart(x, y) {
				return false
			}
		}
	}
	return len(a) > 0 && len(b) > 0
}
