package lint

import (
	"fmt"
	"net/netip"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/netconf"
)

// A Finding is something that was found in configurations.
type Finding struct {
	// File is the file, or what was read instead of one.
	File string

	// Network is the name of the network; empty if it is not known.
	Network string

	// Other is the name of another network that it is about as well, and OtherFile
	// its file; else empty.
	Other, OtherFile string

	// Note reports that it is good to know and not wrong.
	Note bool

	// Text says what is so. It names the key and the value.
	Text string

	// Advice is what to write instead, or to do.
	Advice string

	// Addr is the address that it is about, if that is one that can be leased;
	// else zero.
	Addr netip.Addr
}

// String returns the text and the advice.
func (f Finding) String() string { return f.Text + "; " + f.Advice }

// About reports whether the finding is about the network of that name.
func (f Finding) About(network string) bool { return f.Network == network || f.Other == network }

// Node returns what there is to say of the configurations of a node, in the order of their
// files, and then of pairs of them. The host's addresses are those of [HostAddrs], or none.
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

// Network returns what there is to say of one network.
func Network(n netconf.Network, host []HostAddr) []Finding {
	l := linter{network: n}
	l.refused()
	l.keys()
	l.place()
	l.ranges(host)
	return l.found
}

// A linter notes what it finds in a network.
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

// A keyedRange is a range and the key that it is configured under.
type keyedRange struct {
	key string
	allocator.Range
}

// rangesOf returns the ranges of a network in order; none if they are not known.
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
