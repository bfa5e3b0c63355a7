package damage

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
)

// A way is one to damage a file. It changes b, a copy of the image of o, and returns what
// the file is to be.
type way struct {
	name string
	do   func(r *rand.Rand, o *original, b []byte) []byte
}

// ways lists what happens to files. That other is the store of another network.
func ways(other *original) []way {
	return []way{
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
		{"a page over another", copied},
		{"two pages exchanged", exchanged},
		{"a page that says it is huge", pages(1, func(r *rand.Rand, p []byte) { binary.NativeEndian.PutUint32(p[12:], r.Uint32()) })},
		{"a page that says it is full", pages(1, func(r *rand.Rand, p []byte) { binary.NativeEndian.PutUint16(p[10:], uint16(r.Uint32())) })},
		{"a value that says it is huge", pages(1, func(r *rand.Rand, p []byte) { binary.NativeEndian.PutUint32(p[28+16*r.IntN(30):], r.Uint32()) })},
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
		{"cut off anywhere", func(r *rand.Rand, _ *original, b []byte) []byte { return b[:r.IntN(len(b))] }},
		{"cut off in the pages in use", func(r *rand.Rand, o *original, b []byte) []byte { return b[:r.IntN(o.pages*o.pageSize())] }},
		{"cut off behind a page", func(r *rand.Rand, o *original, b []byte) []byte { return b[:o.pageSize()*r.IntN(o.pages)] }},
		{"nothing left", func(*rand.Rand, *original, []byte) []byte { return nil }},
		{"rubbish behind the end", func(r *rand.Rand, _ *original, b []byte) []byte {
			more := make([]byte, r.IntN(20000))
			rubbish(r, more)
			return append(b, more...)
		}},
		{"rubbish instead", func(r *rand.Rand, _ *original, b []byte) []byte { rubbish(r, b); return b }},
		{"text instead", func(*rand.Rand, *original, []byte) []byte { return bytes.Repeat([]byte("rubbish "), 5000) }},
		{"a page of another network", func(r *rand.Rand, o *original, b []byte) []byte {
			copy(o.page(b, r.IntN(o.pages)), o.page(other.image, r.IntN(min(o.pages, other.pages))))
			return b
		}},
	}
}

func flip(r *rand.Rand, b []byte) { b[r.IntN(len(b))] ^= 1 << r.IntN(8) }

func zero(_ *rand.Rand, b []byte) { clear(b) }

func rubbish(r *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}

// somewhere makes n changes in what has been used of the file.
func somewhere(n int, change func(*rand.Rand, []byte)) func(*rand.Rand, *original, []byte) []byte {
	return func(r *rand.Rand, o *original, b []byte) []byte {
		for range n {
			change(r, b[:o.pages*o.pageSize()])
		}
		return b
	}
}

// pages changes up to n pages, each of any part: so those parts that have few are hit
// as often as the others.
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

// cycle has an element of a branch lead to a branch, mostly the same.
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
