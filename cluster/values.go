package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// Version is the version of the values. A program rejects another one, and fields that it does
// not know, and never writes such a value back.
const Version = 1

// A HostRecord is what the engine has of a host. Each request of the host writes it again, with
// the next sequence number, on the condition that no other process has: so a request is done once,
// however often it arrives, and whenever.
type HostRecord struct {
	V           int
	Incarnation string
	Sequence    uint64
	Mark        string // of the latest request
	Boot        string // the boot in which the host was last attested
	Machine     string
	Evicted     bool `json:",omitempty"`

	// Foreign means that the record is not of a host but of other software, which has given out
	// addresses of the space: see [Admin.Reserve].
	Foreign bool `json:",omitempty"`

	// Reported is the recovery ([HaltRecord.Recovery]) for which the host has put again all that it
	// holds, and Disputes what keeps it from that.
	Reported uint64   `json:",omitempty"`
	Disputes []string `json:",omitempty"`

	// For people.
	Address string `json:",omitempty"`
	Ranges  string `json:",omitempty"`
	Program string `json:",omitempty"`
}

// A BlockRecord says which host holds a block.
type BlockRecord struct {
	V           int
	Host        string
	Incarnation string
	Mark        string // of the request that got it

	// Also are others that hold it, each a name, a slash and an incarnation: software that is no host, as
	// the first holder is. When that frees the block, the first of them holds it.
	Also []string `json:",omitempty"`
}

// holders returns all that hold the block, each a name, a slash and an incarnation.
func (b BlockRecord) holders() []string {
	return append([]string{b.Host + "/" + b.Incarnation}, b.Also...)
}

// without returns the record after one of the holders has freed the block; ok is false if none is left.
func (b BlockRecord) without(holder string) (left BlockRecord, ok bool) {
	all := slices.DeleteFunc(b.holders(), func(h string) bool { return h == holder })
	if len(all) == 0 {
		return left, false
	}
	left = b
	left.Host, left.Incarnation, _ = strings.Cut(all[0], "/")
	left.Also = all[1:]
	return left, true
}

// Holders returns the names of all that hold the block.
func (b BlockRecord) Holders() (names []string) {
	for _, h := range b.holders() {
		name, _, _ := strings.Cut(h, "/") // No name has a slash.
		names = append(names, name)
	}
	return names
}

// A HaltRecord says why no host changes anything.
type HaltRecord struct {
	V    int
	By   string // a host, or an operator
	Text string

	// Recovery is the number of the recovery that an operator has begun; 0 before.
	Recovery uint64 `json:",omitempty"`

	// Accepted is the [Origin] of the servers at that time; what hosts report to others does not count.
	Accepted Origin `json:",omitzero"`
}

// isRecovering reports whether a recovery was begun, and on servers with this origin.
func (h HaltRecord) isRecovering(o Origin) bool {
	return h.Recovery != 0 && h.Accepted.Cluster == o.Cluster && o.Offset <= h.Accepted.Offset
}

// A Config is what all hosts of a space agree on. It does not change, except for Accepted and Recovery.
type Config struct {
	V      int
	Block4 uint64   // addresses in a block of IPv4, a power of two; 0: the space has no IPv4
	Block6 uint64   // the same of IPv6
	Ranges []string // the spans of the space, as [allocator.Span] prints them

	// Accepted is the [Origin] that is right for this space.
	Accepted Origin

	// Recovery is the number of the last recovery of the space, or, before the first one, that with which it was made.
	// What comes later has a larger number.
	Recovery uint64 `json:",omitempty"`

	// ID tells the space from others of its name, on other servers or made later. It is 32 hexadecimal digits, or
	// empty in an early record.
	ID string `json:",omitempty"`
}

func encode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // The values are structs of texts and numbers.
	}
	return text
}

// decode decodes the value of an entry, whose V is at version.
func decode(e Entry, value any, version *int) error {
	d := json.NewDecoder(bytes.NewReader(e.Value))
	d.DisallowUnknownFields()
	if err := d.Decode(value); err != nil {
		return fmt.Errorf("%s: %w; a later version of the program may have written it", e.Key, err)
	}
	if *version != Version {
		return fmt.Errorf("%s: version %d, want %d; use a later version of the program", e.Key, *version, Version)
	}
	return nil
}

// decodeHalt returns the record of an entry, or nil if the key is absent.
func decodeHalt(e Entry) (*HaltRecord, error) {
	if e.Revision == 0 {
		return nil, nil
	}
	h := new(HaltRecord)
	return h, decode(e, h, &h.V)
}

// sizeOf returns how many addresses a block has that contains addr; 0 if the space has no such
// family.
func (c Config) sizeOf(addr netip.Addr) uint64 {
	if addr.Is4() {
		return c.Block4
	}
	return c.Block6
}

// BlockOf returns the block that contains addr. Blocks begin at multiples of their size, so hosts
// with different ranges never have blocks that overlap without being the same.
func (c Config) BlockOf(addr netip.Addr) (allocator.Span, error) {
	size := c.sizeOf(addr)
	if size == 0 {
		return allocator.Span{}, fmt.Errorf("%s: the space has no addresses of that family", addr)
	}
	bits := addr.BitLen()
	for ; size > 1; size /= 2 {
		bits--
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return allocator.Span{}, err
	}
	return allocator.SpanOf(p), nil
}

// checkBlocks returns [ErrOtherBlocks] unless all blocks of a host are blocks of the space. What a host leases from
// another one overlaps what other hosts hold.
func (c Config) checkBlocks(blocks []backend.Block) error {
	for _, b := range blocks {
		span, err := c.BlockOf(b.First)
		switch {
		case err != nil:
			return fmt.Errorf("%w: %s: %w", ErrOtherBlocks, b, err)
		case span.First != b.First || span.Last != b.Last:
			return fmt.Errorf("%w: %s, and the space has blocks of %d", ErrOtherBlocks, b, c.sizeOf(b.First))
		}
	}
	return nil
}

// accepts reports whether servers have all that was written to them, as far as their origin shows.
func (c Config) accepts(o Origin) bool {
	return o.Cluster == c.Accepted.Cluster && o.Offset <= c.Accepted.Offset
}

// contains reports whether addr is in the ranges of the space.
func (c Config) contains(addr netip.Addr) bool {
	all, err := c.spans() // Init has parsed them.
	return err == nil && slices.ContainsFunc(all, func(s allocator.Span) bool { return s.Contains(addr) })
}

// Validate returns an error unless all hosts can use c.
func (c Config) Validate() error {
	for _, size := range []uint64{c.Block4, c.Block6} {
		if size&(size-1) != 0 || size > 1<<16 {
			return fmt.Errorf("block size %d: want a power of two up to %d", size, 1<<16)
		}
	}
	if len(c.Ranges) == 0 {
		return fmt.Errorf("the space has no ranges")
	}
	for _, r := range c.Ranges {
		span, err := allocator.ParseSpan(r)
		if err != nil {
			return err
		}
		if c.sizeOf(span.First) == 0 {
			return fmt.Errorf("range %s: there is no block size for its family", r)
		}
	}
	return nil
}

func (r HostRecord) incarnation() backend.Mark { return parseMark(r.Incarnation) }

// parseMark returns the mark of a text; zero, which no request has, for one that is malformed.
func parseMark(text string) backend.Mark {
	m, err := backend.ParseMark(text)
	if err != nil {
		return backend.Mark{}
	}
	return m
}
