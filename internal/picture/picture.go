package picture

import (
	"iter"
	"net/netip"
	"sort"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// A Picture shows one range of a network. [New] makes one. It is not safe for concurrent
// use.
type Picture struct {
	network string
	r       allocator.Range
	earlier func(backend.Lease) bool

	// blocks are the aligned blocks of 1<<shift addresses that have leases, by their first
	// address. There are never more than limit, so blocks are never larger than the cells of
	// a grid.
	blocks map[netip.Addr]block
	shift  int
	limit  int // of blocks

	shared bool             // held are the only addresses that can be leased
	held   []allocator.Span // ascending

	first, last netip.Addr // of the leases; zero without leases
}

// A tally counts leases, each once.
type tally struct {
	leased  uint64 // in no other count
	earlier uint64 // in an earlier boot
	torn    uint64
	stray   uint64 // of withheld addresses
	cooling uint64 // not leased

	// notHeld counts the leased and cooling addresses that this host does not hold, for instance
	// because it has given back their block; not the stray ones.
	notHeld uint64
}

// taken counts the leasable addresses that are leased.
func (t tally) taken() uint64 { return t.leased + t.earlier + t.torn }

func (t tally) plus(u tally) tally {
	return tally{t.leased + u.leased, t.earlier + u.earlier, t.torn + u.torn, t.stray + u.stray, t.cooling + u.cooling, t.notHeld + u.notHeld}
}

// A block has the leases of some addresses.
type block struct {
	tally
	lease backend.Lease // unused if the block has several addresses
}

// New returns a picture of r without leases. earlier reports whether a lease is from an
// earlier boot of the machine.
func New(network string, r allocator.Range, earlier func(backend.Lease) bool) *Picture {
	return NewDetailed(network, r, earlier, maxRows*maxWidth)
}

// NewDetailed is New for [Picture.Rows] with up to that many cells with leases.
func NewDetailed(network string, r allocator.Range, earlier func(backend.Lease) bool, cells int) *Picture {
	return &Picture{network: network, r: r, earlier: earlier, blocks: make(map[netip.Addr]block), limit: cells}
}

// SetHeld says that the store is shared with other hosts, and that only the given addresses, in
// ascending order, can be leased by this one. It has to be called before leases are added.
func (p *Picture) SetHeld(held []allocator.Span) { p.shared, p.held = true, held }

func (p *Picture) holds(addr netip.Addr) bool {
	i := sort.Search(len(p.held), func(i int) bool { return !p.held[i].Last.Less(addr) })
	return i < len(p.held) && p.held[i].Contains(addr)
}

// AddAll adds leases up to the end of the range, and returns an error of the iteration.
// They must be in ascending order of address, as from [backend.ReadTx]:
// p.AddAll(tx.Leases(r.First())).
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

// Add adds a lease. Each address must be added only once; leases outside the range are
// ignored.
func (p *Picture) Add(l backend.Lease) {
	if p.r.Contains(l.Addr) {
		p.add(l.Addr, block{p.classify(l), l})
	}
}

// AddCooling adds an address that was released a short time ago. Each must be added only once, and
// not be leased; what cannot be leased is ignored.
func (p *Picture) AddCooling(addr netip.Addr) {
	if p.r.Contains(addr) && p.r.Leasable(addr) {
		p.add(addr, block{tally: tally{cooling: 1}})
	}
}

func (p *Picture) add(addr netip.Addr, b block) {
	if p.shared && b.stray == 0 && !p.holds(addr) {
		b.notHeld = 1
	}
	if !p.first.IsValid() || addr.Less(p.first) {
		p.first = addr
	}
	if p.last.Less(addr) {
		p.last = addr
	}
	merge(p.blocks, addr, p.shift, b)
	for len(p.blocks) > p.limit {
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

// merge adds b to the block of 1<<shift addresses that contains addr.
func merge(blocks map[netip.Addr]block, addr netip.Addr, shift int, b block) {
	at := aligned(addr, shift).Addr()
	b.tally = b.plus(blocks[at].tally)
	blocks[at] = b
}

// coarsen merges blocks into blocks of 1<<shift addresses, which must not be smaller.
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

// aligned returns the block of 1<<shift addresses that contains addr.
func aligned(addr netip.Addr, shift int) netip.Prefix {
	return netip.PrefixFrom(addr, addr.BitLen()-shift).Masked()
}

// Range returns the range that is drawn.
func (p *Picture) Range() allocator.Range { return p.r }
