package lint

import (
	"fmt"
	"net/netip"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/netconf"
)

// A Finding is a problem or a note about configurations.
type Finding struct {
	// File is the name of the file, or of another source.
	File string

	// Network is the name of the network; empty if unknown.
	Network string

	// Other is the name of another network that is affected, and OtherFile its file;
	// otherwise empty.
	Other, OtherFile string

	// Note reports whether this is only a note.
	Note bool

	// Text describes the finding. It names the key and the value.
	Text string

	// Advice is what to write instead, or what to do.
	Advice string

	// Addr is the address it is about, if that can be leased; otherwise zero.
	Addr netip.Addr
}

// String returns the text and the advice.
func (f Finding) String() string { return f.Text + "; " + f.Advice }

// About reports whether the finding is about the given network.
func (f Finding) About(network string) bool { return f.Network == network || f.Other == network }

// Node returns the findings about the configurations of a node, in the order of their
// files, and then about pairs of them. host has the addresses from [HostAddrs], or none.
func Node(n netconf.Node, host []HostAddr) []Finding {
	var all []Finding
	for _, f := range n.Files {
		all = append(all, file(f)...)
	}
	for _, network := range n.Networks {
		all = append(all, Network(network, host)...)
	}
	return append(all, overlaps(n.Networks)...)
}

// Network returns the findings about one network.
func Network(n netconf.Network, host []HostAddr) []Finding {
	l := linter{network: n}
	l.rejected()
	l.keys()
	l.place()
	l.ranges(host)
	return l.found
}

// A linter collects the findings about a network.
type linter struct {
	network netconf.Network
	found   []Finding
}

func (l *linter) add(note bool, advice, format string, args ...any) *Finding {
	l.found = append(l.found, Finding{
		File: l.network.File, Network: l.network.Name, Note: note, Advice: advice, Text: fmt.Sprintf(format, args...),
	})
	return &l.found[len(l.found)-1]
}

func (l *linter) problem(advice, format string, args ...any) *Finding {
	return l.add(false, advice, format, args...)
}

func (l *linter) note(advice, format string, args ...any) *Finding {
	return l.add(true, advice, format, args...)
}

// A keyedRange is a range and its key in the configuration.
type keyedRange struct {
	key string
	allocator.Range
}

// rangesOf returns the ranges of a network in order, if they are known.
func rangesOf(n netconf.Network) (all []keyedRange) {
	if n.Config == nil {
		return nil
	}
	for i, set := range n.Config.Pool.Sets() {
		for j, r := range set.Ranges() {
			key := n.Config.SetKeys[i]
			if key != "ipam" {
				key = fmt.Sprintf("%s[%d]", key, j)
			}
			all = append(all, keyedRange{key, r})
		}
	}
	return all
}
