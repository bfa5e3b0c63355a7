package format

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// A Pack is the ended leases of one entry of the bucket history. One entry for each would take a
// quarter more space: bbolt has a header for every entry. They have consecutive numbers, in the
// order in which they were recorded.
type Pack struct {
	First uint64 // the number of the first; numbers begin at 1
	List  []Past
}

// After its packs the bucket history has two more entries. They are always there, and have to be
// two: when a page gets too long, bbolt moves at least two elements to the next one. So pages are
// full of packs, and would otherwise be half empty.
var (
	FirstKey  = []byte("first")  // the number of the first ended lease that was not dropped, 8 bytes big-endian
	PolicyKey = []byte("policy") // the text of SetPolicy
)

// IsPackKey reports whether a key in the bucket history is of a pack.
func IsPackKey(key []byte) bool { return bytes.Compare(key, FirstKey) < 0 }

// Number returns the value of FirstKey.
func Number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// ParseNumber is the inverse of Number.
func ParseNumber(value []byte) (uint64, error) {
	if len(value) != 8 || binary.BigEndian.Uint64(value) == 0 {
		return 0, fmt.Errorf("history begins with malformed number %x", value)
	}
	return binary.BigEndian.Uint64(value), nil
}

// maxPack is the size in bytes up to which a pack gets more ended leases: four packs fill a page
// of 4 KiB.
const maxPack = 996

// A Past is an ended lease, not wholly decoded: most readers want few of those in a pack.
type Past struct {
	Addr netip.Addr

	// Before is the number of the ended lease of the same address that was recorded before this
	// one; 0 for the first. It may have been dropped since.
	Before uint64

	cause        backend.Cause
	since, until int64  // Unix seconds; 0: not known
	holder       []byte // the texts; nil if forgotten
}

// NewPast returns an ended lease as it is recorded.
func NewPast(e backend.Ended, before uint64) Past {
	p := Past{Addr: e.Addr, Before: before, cause: e.Cause, since: unixSeconds(e.Since), until: unixSeconds(e.Until)}
	for _, s := range holderTexts(&e.Lease) {
		p.holder = appendText(p.holder, *s)
	}
	return p
}

// Forgotten returns p with nothing but the address.
func (p Past) Forgotten() Past { return Past{Addr: p.Addr, Before: p.Before} }

// IsForgotten reports whether p has nothing but the address.
func (p Past) IsForgotten() bool { return p.holder == nil }

// Ended returns the ended lease.
func (p Past) Ended() (backend.Ended, error) {
	e := backend.Ended{Cause: p.cause, Until: timeOf(p.until, 0)}
	e.Addr, e.Since = p.Addr, timeOf(p.since, 0)
	if p.holder == nil {
		return e, nil
	}
	r := reader(p.holder)
	for _, s := range holderTexts(&e.Lease) {
		*s = r.text()
	}
	if r == nil || len(r) > 0 {
		return e, fmt.Errorf("ended lease of %s has malformed names", p.Addr)
	}
	return e, e.Validate()
}

// Pod returns the pod that held the address; zero if it is not known. A malformed name counts as not
// known.
func (p Past) Pod() backend.Pod {
	e, err := p.Ended()
	if err != nil {
		return backend.Pod{}
	}
	return e.Pod
}

// holderTexts returns the text fields of an ended lease in their order.
func holderTexts(l *backend.Lease) [4]*string {
	return [...]*string{&l.Owner.ContainerID, &l.Owner.IfName, &l.Pod.Namespace, &l.Pod.Name}
}

// What the first byte of an ended lease has besides the cause.
const (
	causeMask      = 0x0f
	sameHolder     = 0x10 // left out: the names are the same as in the ended lease before it
	forgotten      = 0x20 // the names are left out
	hasPredecessor = 0x40 // Before is not 0
	nearAddr       = 0x80 // only the last two bytes of the address differ from the one before it
)

// Next returns the number after the last of the pack.
func (p Pack) Next() uint64 { return p.First + uint64(len(p.List)) }

// At returns the ended lease with that number, if the pack has it.
func (p Pack) At(number uint64) (Past, bool) {
	if number < p.First || number >= p.Next() {
		return Past{}, false
	}
	return p.List[number-p.First], true
}

// From returns the ended leases of the pack from a number on.
func (p Pack) From(number uint64) Pack {
	n := min(number-min(number, p.First), uint64(len(p.List)))
	return Pack{First: p.First + n, List: p.List[n:]}
}

// Key returns the key of the pack.
func (p Pack) Key() []byte { return PackKey(p.First) }

// PackKey returns the key of the pack that begins with that number.
func PackKey(first uint64) []byte { return Number(first) }

// Encode returns the value of the pack: its ended leases, and a checksum over the key and them.
func (p Pack) Encode() []byte {
	b := binary.AppendUvarint(make([]byte, 0, maxPack+64), uint64(len(p.List)))
	last := Past{}
	for i, e := range p.List {
		b = e.append(b, p.First+uint64(i), last)
		last = e
	}
	return binary.BigEndian.AppendUint32(b, packSum(p.Key(), b))
}

// append appends an ended lease that follows another.
func (p Past) append(b []byte, number uint64, last Past) []byte {
	head := byte(p.cause)
	same := p.holder != nil && bytes.Equal(p.holder, last.holder)
	if same {
		head |= sameHolder
	}
	if p.holder == nil {
		head |= forgotten
	}
	if p.Before > 0 {
		head |= hasPredecessor
	}
	near := isNear(p.Addr, last.Addr)
	if near {
		head |= nearAddr
	}
	if b = append(b, head); near {
		whole := p.Addr.AsSlice()
		b = append(b, whole[len(whole)-nearLen:]...)
	} else {
		b = appendAddr(b, p.Addr)
	}
	if p.Before > 0 {
		b = binary.AppendUvarint(b, number-p.Before)
	}
	b = binary.AppendVarint(b, p.until-last.until)
	b = binary.AppendVarint(b, p.until-p.since)
	if same {
		return b
	}
	return append(b, p.holder...)
}

// With returns the pack with another ended lease or, if it is full, a new one with only that.
func (p Pack) With(another Past) Pack {
	with := Pack{First: p.First, List: append(p.List[:len(p.List):len(p.List)], another)}
	if len(p.List) > 0 && len(with.Encode()) > maxPack {
		return Pack{First: p.Next(), List: []Past{another}}
	}
	return with
}

// DecodePack decodes an entry of the bucket history.
func DecodePack(key, value []byte) (Pack, error) {
	r, err := newPackReader(key, value)
	if err != nil {
		return Pack{}, err
	}
	p := Pack{First: r.number, List: make([]Past, 0, r.left)}
	for past, err := range r.all() {
		if err != nil {
			return Pack{}, err
		}
		p.List = append(p.List, past)
	}
	return p, nil
}

// EachPast iterates over the ended leases of an entry of the bucket history from a number on. It ends
// after an error.
func EachPast(key, value []byte, from uint64) iter.Seq2[Past, error] {
	return func(yield func(Past, error) bool) {
		r, err := newPackReader(key, value)
		if err != nil {
			yield(Past{}, err)
			return
		}
		number := r.number
		for past, err := range r.all() {
			if (number >= from || err != nil) && !yield(past, err) {
				return
			}
			number++
		}
	}
}

// A packReader reads the ended leases of a pack, one after the other.
type packReader struct {
	reader
	number, left uint64 // of the next one; how many there are
}

// newPackReader returns a packReader of an entry of the bucket history, whose checksum is right.
func newPackReader(key, value []byte) (r packReader, err error) {
	if len(key) != 8 {
		return r, fmt.Errorf("history has malformed key %x", key)
	}
	r.number = binary.BigEndian.Uint64(key)
	if len(value) < checksumLen {
		return r, packFault(r.number, "too short")
	}
	fields, sum := value[:len(value)-checksumLen], value[len(value)-checksumLen:]
	if packSum(key, fields) != binary.BigEndian.Uint32(sum) {
		return r, packFault(r.number, "wrong checksum")
	}
	r.reader = fields
	r.left = r.uvarint()
	if r.left == 0 || r.left > uint64(len(fields)) || r.number == 0 || r.number+r.left < r.number {
		return r, packFault(r.number, "malformed")
	}
	return r, nil
}

func packFault(first uint64, why string) error {
	return fmt.Errorf("history from number %d: %s", first, why)
}

func (r packReader) all() iter.Seq2[Past, error] {
	return func(yield func(Past, error) bool) {
		first, last := r.number, Past{}
		for ; r.left > 0; r.left-- {
			last = r.past(r.number, last)
			if r.reader == nil {
				yield(Past{}, packFault(first, "malformed"))
				return
			}
			if !yield(last, nil) {
				return
			}
			r.number++
		}
		if len(r.reader) > 0 {
			yield(Past{}, packFault(first, "malformed"))
		}
	}
}

// A Tail is the last pack, to which an ended lease is added. The others in it need not be encoded again.
type Tail struct {
	first, n uint64
	last     Past
	body     []byte // the ended leases, encoded
}

// NewTail returns the Tail of an empty history, which begins with the number first.
func NewTail(first uint64) Tail { return Tail{first: first} }

// DecodeTail decodes the last entry of the bucket history.
func DecodeTail(key, value []byte) (t Tail, err error) {
	r, err := newPackReader(key, value)
	if err != nil {
		return t, err
	}
	t = Tail{first: r.number, n: r.left, body: r.reader}
	for past, err := range r.all() {
		if err != nil {
			return Tail{}, err
		}
		t.last = past
	}
	return t, nil
}

// Next returns the number of the next ended lease.
func (t Tail) Next() uint64 { return t.first + t.n }

// With returns the entry with another ended lease or, if it is full, a new one with only that.
func (t Tail) With(another Past) (key, value []byte) {
	value = binary.AppendUvarint(make([]byte, 0, len(t.body)+256), t.n+1)
	value = another.append(append(value, t.body...), t.Next(), t.last)
	if t.n > 0 && len(value)+checksumLen > maxPack {
		return Tail{first: t.Next()}.With(another)
	}
	key = PackKey(t.first)
	return key, binary.BigEndian.AppendUint32(value, packSum(key, value))
}

// NextAfter returns the number after the last of an entry of the bucket history, which is not
// decoded.
func NextAfter(key, value []byte) (uint64, error) {
	n, size := binary.Uvarint(value)
	if len(key) != 8 || size <= 0 {
		return 0, fmt.Errorf("history has a malformed entry with key %x", key)
	}
	return binary.BigEndian.Uint64(key) + n, nil
}

// past reads an ended lease that follows another.
func (r *reader) past(number uint64, last Past) (p Past) {
	if len(*r) == 0 {
		*r = nil
		return p
	}
	head := (*r)[0]
	*r = (*r)[1:]
	p.cause = backend.Cause(head & causeMask)
	if head&nearAddr != 0 {
		p.Addr = r.nearAddr(last.Addr)
	} else {
		p.Addr = r.addr()
	}
	if head&hasPredecessor != 0 {
		p.Before = number - r.uvarint()
	}
	p.until = last.until + r.varint()
	p.since = p.until - r.varint()
	switch {
	case head&forgotten != 0:
	case head&sameHolder != 0:
		p.holder = last.holder
	default:
		texts := *r
		for range holderTexts(&backend.Lease{}) {
			r.skipHolder()
		}
		p.holder = texts[:len(texts)-len(*r)]
	}
	if p.Before >= number || *r == nil || p.holder == nil && head&forgotten == 0 {
		*r = nil
	}
	return p
}

// skipHolder skips a text. Its bytes are looked at when they are needed: see Past.Ended.
func (r *reader) skipHolder() {
	size := r.uvarint() >> 2
	if *r == nil || size > uint64(len(*r)) {
		*r = nil
		return
	}
	*r = (*r)[size:]
}

// addr reads an address.
func (r *reader) addr() netip.Addr {
	size := 1 + 4
	if len(*r) > 0 && (*r)[0] == 6 {
		size = 1 + 16
	}
	if len(*r) < size {
		*r = nil
		return netip.Addr{}
	}
	addr, err := ParseAddr((*r)[:size])
	if *r = (*r)[size:]; err != nil {
		*r = nil
	}
	return addr
}

const nearLen = 2

// isNear reports whether two addresses are the same but for the last nearLen bytes.
func isNear(a, b netip.Addr) bool {
	return a.BitLen() == b.BitLen() &&
		bytes.Equal(a.AsSlice()[:a.BitLen()/8-nearLen], b.AsSlice()[:b.BitLen()/8-nearLen])
}

// nearAddr reads the last bytes of an address that is near another.
func (r *reader) nearAddr(other netip.Addr) netip.Addr {
	if !other.IsValid() || len(*r) < nearLen {
		*r = nil
		return netip.Addr{}
	}
	b := other.AsSlice()
	copy(b[len(b)-nearLen:], *r)
	*r = (*r)[nearLen:]
	addr, _ := netip.AddrFromSlice(b) // It has the length of an address.
	return addr
}

// packSum is the checksum of a pack. It differs from the checksum of a lease, so that a search for
// leases at every byte of a file never takes one that has ended for a lease.
func packSum(key, fields []byte) uint32 {
	h := fnv.New32a()
	h.Write([]byte("ended")) // a hash never fails
	h.Write(key)
	h.Write(fields)
	return h.Sum32()
}

// The bucket latest has, for each address, the number of the ended lease that was recorded last.
// An entry is for 16 addresses, which mostly are in use together: an entry for each would take
// four times the space.

// latestBits is how many bits of an address are not in the key.
const latestBits = 4

// LatestKey returns the key in the bucket latest of the entry that has addr.
func LatestKey(addr netip.Addr) []byte {
	key := AddrKey(addr)
	key[len(key)-1] &^= 1<<latestBits - 1
	return key
}

// A Latest is the value of an entry: in ascending order of the addresses, each as its number,
// shifted by latestBits, and its last bits.
type Latest []byte

var errLatest = errors.New("malformed entry")

// Each calls fn for each address of the entry with that key.
func (v Latest) Each(key []byte, fn func(addr netip.Addr, number uint64)) error {
	addr, err := ParseAddr(key)
	if err != nil || !bytes.Equal(LatestKey(addr), key) {
		return fmt.Errorf("latest: %w %x", errLatest, key)
	}
	last := -1
	for len(v) > 0 {
		n, size := binary.Uvarint(v)
		low := int(n & (1<<latestBits - 1))
		if size <= 0 || n>>latestBits == 0 || low <= last {
			return fmt.Errorf("latest from %s: %w", addr, errLatest)
		}
		v, last = v[size:], low
		b := addr.AsSlice()
		b[len(b)-1] |= byte(low)
		one, _ := netip.AddrFromSlice(b) // It has the length of an address.
		fn(one, n>>latestBits)
	}
	return nil
}

// Of returns the number for addr, which the entry is for; 0 if it has none.
func (v Latest) Of(addr netip.Addr) (number uint64, err error) {
	err = v.Each(LatestKey(addr), func(a netip.Addr, n uint64) {
		if a == addr {
			number = n
		}
	})
	return number, err
}

// With returns the value with another number for addr; without addr if number is 0.
func (v Latest) With(addr netip.Addr, number uint64) (Latest, error) {
	var with Latest
	add := func(a netip.Addr, n uint64) {
		if n > 0 {
			b := a.AsSlice()
			with = binary.AppendUvarint(with, n<<latestBits|uint64(b[len(b)-1]&(1<<latestBits-1)))
		}
	}
	placed := false
	err := v.Each(LatestKey(addr), func(a netip.Addr, n uint64) {
		if !placed && !a.Less(addr) {
			placed = true
			add(addr, number)
		}
		if a != addr {
			add(a, n)
		}
	})
	if !placed {
		add(addr, number)
	}
	return with, err
}
