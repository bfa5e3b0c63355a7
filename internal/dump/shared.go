package dump

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/leasehold/leasehold/backend"
)

// A network that hosts share has a key "member" in its header, which earlier programs reject:
// they would make an ordinary store of it, and lease addresses of other hosts. Its blocks are
// lines between the header and the leases.

// member writes the membership, and the number of blocks that follow. What
// [backend.Membership.Doubted] clears is left out.
func (o *line) member(m backend.Membership, blocks int) {
	if m.IsZero() {
		return
	}
	var of line
	of.number("sequence", int64(m.Sequence))
	of.text("cluster", m.Cluster)
	of.text("space", m.Space)
	of.text("host", m.Host)
	of.mark("incarnation", m.Incarnation)
	of.text("machine", m.Machine)
	of.text("stopped", m.Stopped)
	of.text("intent", m.Intent.Action)
	of.mark("intentMark", m.Intent.Mark)
	if m.Seen != (backend.Sighting{}) {
		of.text("seenCluster", strconv.FormatUint(m.Seen.Cluster, 16))
		of.number("seenRevision", m.Seen.Revision)
		of.number("seenAt", m.Seen.At)
		if m.Seen.Recovery > 0 {
			of.number("seenRecovery", int64(m.Seen.Recovery))
		}
		of.mark("seenSpace", m.Seen.Space)
	}
	o.object("member", of)
	o.number("blocks", int64(blocks))
}

func (o *line) mark(key string, m backend.Mark) {
	if m != (backend.Mark{}) {
		o.text(key, m.String())
	}
}

func (o *line) block(network string, b backend.Block) {
	o.text("network", network)
	o.text("block", b.First.String())
	o.text("last", b.Last.String())
	o.text("state", b.State.String())
	o.mark("mark", b.Mark)
}

// decodeMember decodes the membership of a header, and the number of blocks.
func decodeMember(o *object) (m backend.Membership, blocks int64) {
	value := o.take("member")
	blocks, counted := o.number("blocks")
	if value == nil {
		if counted {
			keep(o, "blocks", blocks, errors.New("member is missing"))
		}
		return m, 0
	}
	var of object
	if err := of.parse(value); err != nil {
		return keep(o, "member", m, err), 0
	}
	sequence, _ := of.number("sequence")
	m = backend.Membership{
		Sequence: uint64(sequence),
		Cluster:  of.name("cluster", "clusterBytes"), Space: of.name("space", "spaceBytes"), Host: of.name("host", "hostBytes"),
		Incarnation: of.mark("incarnation"),
		Machine:     of.name("machine", "machineBytes"), Stopped: of.name("stopped", "stoppedBytes"),
		Intent: backend.Intent{Action: of.name("intent", "intentBytes"), Mark: of.mark("intentMark")},
	}
	cluster := of.text("seenCluster")
	if cluster != "" {
		var err error
		m.Seen.Cluster, err = strconv.ParseUint(cluster, 16, 64)
		keep(&of, "seenCluster", m.Seen.Cluster, err)
	}
	m.Seen.Revision, _ = of.number("seenRevision")
	m.Seen.At, _ = of.number("seenAt")
	recovery, _ := of.number("seenRecovery")
	m.Seen.Recovery, m.Seen.Space = uint64(recovery), of.mark("seenSpace")
	err := of.done()
	switch {
	case err == nil && (sequence < 0 || recovery < 0 || blocks < 0):
		err = errors.New("a number is negative")
	case err == nil && m.IsZero():
		err = errors.New("it is empty")
	}
	return keep(o, "member", m, err), blocks
}

// mark returns the mark at key, or the zero Mark.
func (o *object) mark(key string) backend.Mark {
	text := o.text(key)
	if text == "" {
		return backend.Mark{}
	}
	m, err := backend.ParseMark(text)
	return keep(o, key, m, err)
}

// decodeBlock decodes the next block of n.
func decodeBlock(o *object, n *Network) (backend.Block, error) {
	if !o.has("block") {
		return backend.Block{}, fmt.Errorf("network %s has fewer blocks than its header says", n.Name)
	}
	network, state := o.text("network"), o.text("state")
	b := backend.Block{First: o.addr("block"), Last: o.addr("last"), Mark: o.mark("mark")}
	var err error
	b.State, err = backend.ParseBlockState(state)
	keep(o, "state", b.State, err)
	switch {
	case o.done() != nil:
		return b, o.done()
	case network != n.Name:
		return b, fmt.Errorf("network %q: want %s, which has not ended yet", network, n.Name)
	}
	return b, nil
}

// blocks reads the blocks that follow the header of n.
func (r *Reader) blocks(n *Network) error {
	for range n.blockCount {
		if err := r.read(); err != nil {
			return r.truncated(n, err)
		}
		b, err := decodeBlock(&r.object, n)
		if err == nil {
			n.Blocks = append(n.Blocks, b)
			err = checkHeader(n.Name, n.Store, backend.Content{Membership: n.Membership, Blocks: n.Blocks[max(0, len(n.Blocks)-2):]})
		}
		if err != nil {
			return r.at(err)
		}
	}
	return nil
}
