package picture

import (
	"iter"
	"net/netip"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// A Picture shows one range of a network. [New] makes one. It must not be used by
// several goroutines at once.
type Picture struct {
	network string
	r       allocator.Range
	earlier func(backend.Lease) bool

	// blocks are the aligned blocks of 1<<shift addresses in which there are
	// leases, by their first address. They are never more than a grid has
	// cells, and so never larger than the cells of the grid will be.
	blocks map[netip.Addr]block
	shift  int

	first, last netip.Addr // of the leases; zero: there are none
}

// A tally counts leases. Each is counted once.
type tally struct {
	leased  uint64 // and none of the following
	earlier uint64 // in an earlier boot
	torn    uint64
	stray   uint64 // of addresses that are withheld
}

// taken counts the addresses that are not free because they are leased.
func (t tally) taken() uint64 { return t.leased + t.earlier + t.torn }

func (t tally) plus(u tally) tally {
	return tally{t.leased + u.leased, t.earlier + u.earlier, t.torn + u.torn, t.stray + u.stray}
}

// A block is what is leased of some addresses.
type block struct {
	tally
	lease backend.Lease // means nothing if the block has several addresses
}

// New returns a picture of r in which nothing is leased yet. Earlier reports whether a
// lease is of an earlier boot of the machine.
func New(network string, r allocator.Range, earlier func(backend.Lease) bool) *Picture {
	return &Picture{network: network, r: r, earlier: earlier, blocks: make(map[netip.Addr]block)}
}

// AddAll adds leases up to the end of the range. They come in ascending order of address,
// as [backend.ReadTx] gives them: p.AddAll(tx.Leases(r.First())). An error among them is
// returned.
func (p *Picture) AddAll(leases iter.Seq2[backend.Lease, error]) error {
	for l, err := range leases {
		if err != nil {
			return err
		}
		if p.r.Last().Less(l.Addr) {
			return nil
		}
		p.Add(l)
	}
	return nil
}

// Add adds a lease. Each address is added once; those that lie outside of the range
// mean nothing.
func (p *Picture) Add(l backend.Lease) {
	if !p.r.Contains(l.Addr) {
		return
	}
	if !p.first.IsValid() || l.Addr.Less(p.first) {
		p.first = l.Addr
	}
	if p.last.Less(l.Addr) {
		p.last = l.Addr
	}
	merge(p.blocks, l.Addr, p.shift, block{p.classify(l), l})
	for len(p.blocks) > maxRows*maxWidth {
		p.shift++
		p.blocks = coarsen(p.blocks, p.shift)
	}
}

func (p *Picture) classify(l backend.Lease) tally {
	switch {
	case !p.r.Leasable(l.Addr):
		return tally{stray: 1}
	case l.Owner.IsZero():
		return tally{torn: 1}
	case p.earlier(l):
		return tally{earlier: 1}
	}
	return tally{leased: 1}
}

// merge adds b to the block of 1<<shift addresses that holds addr.
func merge(blocks map[netip.Addr]block, addr netip.Addr, shift int, b block) {
	at := aligned(addr, shift).Addr()
	b.tally = b.plus(blocks[at].tally)
	blocks[at] = b
}

// coarsen returns the same as blocks of 1<<shift addresses. Blocks never get smaller.
func coarsen(blocks map[netip.Addr]block, shift int) map[netip.Addr]block {
	if shift == 0 {
		return blocks
	}
	larger := make(map[netip.Addr]block)
	for addr, b := range blocks {
		merge(larger, addr, shift, block{tally: b.tally})
	}
	return larger
}

// total counts all leases of the range.
func (p *Picture) total() (t tally) {
	for _, b := range p.blocks {
		t = t.plus(b.tally)
	}
	return t
}

// aligned returns the block of 1<<shift addresses that holds addr.
func aligned(addr netip.Addr, shift int) netip.Prefix {
	return netip.PrefixFrom(addr, addr.BitLen()-shift).Masked()
}
