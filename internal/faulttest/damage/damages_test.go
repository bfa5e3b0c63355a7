package damage

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
)

// A damage is a way to damage a file. It may change b, a copy of o's image, and returns the
// damaged file.
type damage struct {
	name string
	do   func(r *rand.Rand, o *original, b []byte) []byte
}

// damages lists all kinds of damage. other is the store of another network.
func damages(other *original) []damage {
	return []damage{
		{"a bit flipped", somewhere(1, flip)},
		{"20 bits flipped", somewhere(20, flip)},
		{"400 bits flipped", somewhere(400, flip)},
		{"a bit flipped in the header of a page", pages(1, func(r *rand.Rand, p []byte) { flip(r, p[:16]) })},
		{"a bit flipped in the elements of a page", pages(1, func(r *rand.Rand, p []byte) { flip(r, p[16:144]) })},
		{"a page zeroed", pages(1, zero)},
		{"some pages zeroed", pages(5, zero)},
		{"half a page zeroed", pages(1, func(_ *rand.Rand, p []byte) { clear(p[len(p)/2:]) })},
		{"a sector zeroed", pages(1, func(r *rand.Rand, p []byte) { clear(p[512*r.IntN(len(p)/512):][:512]) })},
		{"rubbish in a page", pages(1, rubbish)},
		{"rubbish in some pages", pages(5, rubbish)},
		{"a page copied over another", copied},
		{"two pages exchanged", exchanged},
		{"a page with a huge overflow count", pages(1, func(r *rand.Rand, p []byte) { binary.NativeEndian.PutUint32(p[12:], r.Uint32()) })},
		{"a page with a random element count", pages(1, func(r *rand.Rand, p []byte) { binary.NativeEndian.PutUint16(p[10:], uint16(r.Uint32())) })},
		{"a value with a huge size", pages(1, func(r *rand.Rand, p []byte) { binary.NativeEndian.PutUint32(p[28+16*r.IntN(30):], r.Uint32()) })},
		{"a branch that leads back", cycle},
		{"both metas zeroed", func(_ *rand.Rand, o *original, b []byte) []byte { clear(b[:2*o.pageSize()]); return b }},
		{"both metas with a bit flipped", func(r *rand.Rand, o *original, b []byte) []byte {
			flip(r, o.page(b, 0)[16:80])
			flip(r, o.page(b, 1)[16:80])
			return b
		}},
		{"the newest meta zeroed", func(_ *rand.Rand, o *original, b []byte) []byte {
			clear(o.page(b, o.pagesOf(newestMeta)[0]))
			return b
		}},
		{"truncated anywhere", func(r *rand.Rand, _ *original, b []byte) []byte { return b[:r.IntN(len(b))] }},
		{"truncated within the pages in use", func(r *rand.Rand, o *original, b []byte) []byte { return b[:r.IntN(o.pages*o.pageSize())] }},
		{"truncated after a page", func(r *rand.Rand, o *original, b []byte) []byte { return b[:o.pageSize()*r.IntN(o.pages)] }},
		{"truncated to nothing", func(*rand.Rand, *original, []byte) []byte { return nil }},
		{"rubbish after the end", func(r *rand.Rand, _ *original, b []byte) []byte {
			more := make([]byte, r.IntN(20000))
			rubbish(r, more)
			return append(b, more...)
		}},
		{"replaced by rubbish", func(r *rand.Rand, _ *original, b []byte) []byte { rubbish(r, b); return b }},
		{"replaced by text", func(*rand.Rand, *original, []byte) []byte { return bytes.Repeat([]byte("rubbish "), 5000) }},
		{"a page of another network", func(r *rand.Rand, o *original, b []byte) []byte {
			copy(o.page(b, r.IntN(o.pages)), o.page(other.image, r.IntN(min(o.pages, other.pages))))
			return b
		}},
		{"the same page of another network", func(r *rand.Rand, o *original, b []byte) []byte {
			id := 2 + r.IntN(min(o.pages, other.pages)-2)
			copy(o.page(b, id), o.page(other.image, id))
			return b
		}},
		{"a write that was lost", func(r *rand.Rand, o *original, b []byte) []byte {
			lost := o.lastWritten()
			id := lost[r.IntN(len(lost))]
			copy(o.page(b, id), o.page(o.earlier, id))
			return b
		}},
	}
}

// lastWritten returns the pages that the last transaction has written, without its meta page.
func (o *original) lastWritten() (ids []int) {
	for id := 2; id < min(o.pages, len(o.earlier)/o.pageSize()); id++ {
		if !bytes.Equal(o.page(o.earlier, id), o.page(o.image, id)) {
			ids = append(ids, id)
		}
	}
	return ids
}

func flip(r *rand.Rand, b []byte) { b[r.IntN(len(b))] ^= 1 << r.IntN(8) }

func zero(_ *rand.Rand, b []byte) { clear(b) }

func rubbish(r *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}

// somewhere makes n changes anywhere in the pages in use.
func somewhere(n int, change func(*rand.Rand, []byte)) func(*rand.Rand, *original, []byte) []byte {
	return func(r *rand.Rand, o *original, b []byte) []byte {
		for range n {
			change(r, b[:o.pages*o.pageSize()])
		}
		return b
	}
}

// pages changes up to n pages. It picks a part first and then one of its pages, so parts
// with few pages are hit as often as the others.
func pages(n int, change func(*rand.Rand, []byte)) func(*rand.Rand, *original, []byte) []byte {
	return func(r *rand.Rand, o *original, b []byte) []byte {
		for range 1 + r.IntN(n) {
			change(r, o.page(b, o.anyPage(r)))
		}
		return b
	}
}

func (o *original) anyPage(r *rand.Rand) int {
	kinds := o.kinds()
	ids := o.pagesOf(kinds[r.IntN(len(kinds))])
	return ids[r.IntN(len(ids))]
}

func copied(r *rand.Rand, o *original, b []byte) []byte {
	copy(o.page(b, o.anyPage(r)), o.page(o.image, o.anyPage(r)))
	return b
}

func exchanged(r *rand.Rand, o *original, b []byte) []byte {
	one, two := o.anyPage(r), o.anyPage(r)
	copy(o.page(b, one), o.page(o.image, two))
	copy(o.page(b, two), o.page(o.image, one))
	return b
}

// cycle points an element of a branch page to a branch page, usually the same one.
func cycle(r *rand.Rand, o *original, b []byte) []byte {
	branches := append(o.pagesOf("leases, branch"), o.pagesOf("owners, branch")...)
	from, to := branches[r.IntN(len(branches))], branches[r.IntN(len(branches))]
	if r.IntN(3) > 0 {
		to = from
	}
	p := o.page(b, from)
	i := r.IntN(int(binary.NativeEndian.Uint16(p[10:])))
	binary.NativeEndian.PutUint64(p[16+16*i+8:], uint64(to))
	return b
}
