package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/lint"
	"github.com/leasehold/leasehold/internal/netconf"
	"github.com/leasehold/leasehold/internal/stores"
)

// nodeFindings returns the findings that are not about a single store: problems in
// configurations, addresses that are leased in two stores, and strays.
func (t *tool) nodeFindings(cmd *cobra.Command, networks []network, named bool) ([]finding, error) {
	configured, err := t.configurationFindings(cmd, networks, named)
	if err != nil {
		return nil, err
	}
	found := append(configured, otherKinds(networks)...)
	found = append(found, t.misplaced(networks)...)
	found = append(found, t.inStores(networks)...)
	found = append(found, t.leasedTwice(cmd, networks)...)
	for _, n := range t.namesakes {
		if slices.ContainsFunc(networks, func(other network) bool { return sameStore(other, n) }) {
			f := finding{Network: n.name, Finding: n.namesakeText(), Note: true}
			f.Store, _ = n.kind() // Its store was found a moment ago.
			found = append(found, f)
		}
	}
	if named {
		return found, nil
	}
	for _, s := range t.strays {
		found = append(found, finding{Network: s.name, Finding: fmt.Sprintf("%s is %s, not a network", s.path, s.description), Note: true})
	}
	return found, nil
}

// lint checks the configurations, with the data directories that this run uses.
func (t *tool) lint() ([]lint.Finding, error) {
	var host []lint.HostAddr
	if t.hostAddrs != nil {
		var err error
		if host, err = t.hostAddrs(); err != nil {
			return nil, fmt.Errorf("cannot list the addresses of this host: %w", err)
		}
	}
	node := t.node
	node.Networks = slices.Clone(node.Networks)
	if len(t.dataDirFlag) > 0 {
		for i, c := range node.Networks {
			node.Networks[i].DataDir = filepath.Dir(t.storePath(c))
		}
	}
	return lint.Node(node, host), nil
}

// configurationFindings returns the findings about the configurations of the networks or,
// unless networks were named, about all configurations.
func (t *tool) configurationFindings(cmd *cobra.Command, networks []network, named bool) (found []finding, err error) {
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
			finding.Finding += t.currentHolder(cmd, networks[i], f.Addr)
			finding.Store, _ = networks[i].kind() // verifyOne has reported the error.
		}
		finding.Finding += "; " + f.Advice
		found = append(found, finding)
	}
	return found, nil
}

// otherKinds returns a finding for each configuration that names another kind of store than there is: no
// ADD succeeds.
func otherKinds(networks []network) (found []finding) {
	for _, n := range networks {
		kind, err := n.kind()
		if err != nil || kind == stores.None {
			continue // verifyOne has reported the error.
		}
		for _, c := range n.confs {
			if c.Backend != "" && c.Backend != kind { // Without a name the plugin uses what there is.
				e := &stores.MismatchError{Path: n.path, Configured: c.Backend, Existing: kind}
				found = append(found, finding{Network: n.name, Store: kind, Finding: fmt.Sprintf(
					"%s: each ADD fails: %v; %s", filepath.Base(c.File), e, e.Advice())})
			}
		}
	}
	return found
}

// misplaced returns a finding for each network that has no store where its configuration says, and one in another
// data directory, as after an import without the configuration: plugins do not find its leases.
func (t *tool) misplaced(networks []network) (found []finding) {
	for _, n := range networks {
		if kind, err := n.kind(); err != nil || kind != stores.None || len(n.confs) == 0 {
			continue // verifyOne has reported the error.
		}
		for _, other := range t.discovered {
			kind, err := other.kind()
			if other.name != n.name || len(other.confs) > 0 || err != nil || kind == stores.None {
				continue
			}
			found = append(found, finding{Network: n.name, Store: kind, Finding: fmt.Sprintf(
				"its store is %s, and %s makes plugins look for it at %s, where there is none: they will lease its addresses again; "+
					"move the store there, or change \"dataDir\"", other.path, filepath.Base(n.confs[0].File), n.path)})
		}
	}
	return found
}

// inStores returns a finding for each network whose data directory is itself a store with leases, of no network that
// a configuration names: a "dataDir" that is the directory of a store, not the directory that it is in.
func (t *tool) inStores(networks []network) (found []finding) {
	for _, n := range networks {
		dir := filepath.Dir(n.path)
		isKnown := slices.ContainsFunc(t.discovered, func(other network) bool { return len(other.confs) > 0 && other.path == dir })
		if len(n.confs) == 0 || isKnown || !hasParts(dir) {
			continue
		}
		found = append(found, finding{Network: n.name, Finding: fmt.Sprintf(
			"its \"dataDir\" %s is itself a files store, of no configured network: if it is the store of this one, plugins lease its addresses again; "+
				"plugins look for a store in \"dataDir\", under the name of the network: give the directory that name, and set \"dataDir\" to %s",
			dir, filepath.Dir(dir))})
	}
	return found
}

// hasParts reports whether a directory has files that only a files store has.
func hasParts(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return isPart(filepath.Join(dir, e.Name())) })
}

// currentHolder names the holder of an address, as the end of a sentence about the address.
// It returns nothing if the address is not leased.
func (t *tool) currentHolder(cmd *cobra.Command, n network, addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	l, err := t.leaseOf(cmd, n, addr)
	if err != nil {
		return "" // not leased, or the store cannot be read, which verifyOne has reported
	}
	return ", and has it now: it is leased, " + t.holderText(l)
}

// whyNotLeasable says why the present configurations do not allow an address to be leased. It
// returns nothing if they allow it, or if the ranges are not known.
func (n network) whyNotLeasable(addr netip.Addr) string {
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
		return "it is in no range of the configuration"
	}
	return text
}

// isBroadcast reports whether addr is the broadcast address of the range's subnet.
func isBroadcast(r allocator.Range, addr netip.Addr) bool {
	subnet := r.Subnet()
	return subnet.Addr().Is4() && subnet.Bits() <= 30 && allocator.SpanOf(subnet).Last == addr
}

// An overlap is two networks and the addresses that are leased in both.
type overlap struct {
	a, b      network
	addresses []netip.Addr
}

// leasedTwice returns the addresses that are leased in two stores, at least one of which
// belongs to the networks. The cause is a data directory that was moved, or overlapping ranges.
func (t *tool) leasedTwice(cmd *cobra.Command, networks []network) (found []finding) {
	all := t.oneOfEachStore(t.withoutStrays(t.discovered))
	if len(all) < 2 {
		return nil
	}
	leased := make([][]netip.Addr, len(all))
	for i, n := range all {
		leased[i] = t.leasedAddrs(cmd, n)
	}
	among := func(n network) bool {
		return slices.ContainsFunc(networks, func(other network) bool { return sameStore(other, n) })
	}
	for i, a := range all {
		for j := i + 1; j < len(all); j++ {
			both := intersection(leased[i], leased[j])
			if len(both) > 0 && (among(a) || among(all[j])) {
				found = append(found, t.overlapFinding(cmd, overlap{a, all[j], both}))
			}
		}
	}
	return found
}

// leasedAddrs returns the addresses of the leases in ascending order. It returns none if the
// store cannot be read or was replaced, which verifyOne reports.
func (t *tool) leasedAddrs(cmd *cobra.Command, n network) []netip.Addr {
	leases, err := allocator.ReadLeases(cmd.Context(), t.storeForPortions(n))
	if err != nil {
		return nil
	}
	addrs := make([]netip.Addr, len(leases))
	for i, l := range leases {
		addrs[i] = l.Addr
	}
	return addrs
}

// intersection returns the addresses in both a and b, which are in ascending order.
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

func (t *tool) overlapFinding(cmd *cobra.Command, o overlap) finding {
	const maxShown = 3
	var texts []string
	for _, addr := range o.addresses[:min(len(o.addresses), maxShown)] {
		texts = append(texts, fmt.Sprintf("%s (%s, and %s)", addr, t.holderTextIn(cmd, o.a, addr), t.holderTextIn(cmd, o.b, addr)))
	}
	if more := len(o.addresses) - maxShown; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	f := finding{Network: o.a.name, Finding: fmt.Sprintf("leased in %s and in %s: %s; find out which containers have these addresses, and release the other leases",
		o.a.path, o.b.path, strings.Join(texts, ", "))}
	f.Store, _ = o.a.kind() // The store was read a moment ago.
	f.Note = onDifferentLinks(o.a.confs, o.b.confs)
	return f
}

func (t *tool) holderTextIn(cmd *cobra.Command, n network, addr netip.Addr) string {
	l, err := t.leaseOf(cmd, n, addr)
	if err != nil {
		return "released just now"
	}
	return t.holderText(l)
}

// onDifferentLinks reports whether all configurations of two networks use different links of
// the host.
func onDifferentLinks(a, b []netconf.Network) bool {
	for _, x := range a {
		for _, y := range b {
			if !lint.Apart(x, y) {
				return false
			}
		}
	}
	return len(a) > 0 && len(b) > 0
}
