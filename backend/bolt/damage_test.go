package bolt

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"

	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// A damager is a way to damage a file. It changes b, a copy of the image of o, and returns the
// content of the damaged file.
type damager struct {
	name   string
	do     func(rnd *rand.Rand, o *original, b []byte) []byte
	hidden bool // the content can be consistent, though it is not the original
}

// damagers lists what a disk, a file system, a program or an operator may do to a file.
func damagers() []damager {
	return []damager{
		{"a bit flipped", flips(1), false},
		{"bits flipped", sparing("freelist", flips(20)), false},
		{"a storm of flipped bits", sparing("freelist", flips(400)), false},
		{"a bit flipped in the header of a page", eachPage(1, flipIn(0, page.HeaderLen)), false},
		{"a bit flipped in the elements of a page", eachPage(1, flipIn(page.HeaderLen, page.HeaderLen+8*page.ElementLen)), false},
		{"a bit flipped in the freelist", inPage("freelist", flipIn(0, page.HeaderLen+20*page.IDLen)), false},
		{"a bit flipped in a branch", inPage("branch", flipIn(0, 512)), false},
		{"a page zeroed", eachPage(1, zero), false},
		{"pages zeroed", eachPage(5, zero), false},
		{"a part of a page zeroed", eachPage(1, inPart(zero)), false},
		{"garbage in a page", eachPage(1, garbage), false},
		{"garbage in pages", eachPage(5, garbage), false},
		{"garbage in a part of a page", eachPage(1, inPart(garbage)), false},
		{"garbage anywhere", whole(inPart(garbage)), false},
		{"the freelist zeroed", inPage("freelist", zero), false},
		{"a branch zeroed", inPage("branch", zero), false},
		{"meta page 0 zeroed", onMetas(func(m0, _ []byte) { clear(m0) }), false},
		{"meta page 1 zeroed", onMetas(func(_, m1 []byte) { clear(m1) }), false},
		{"both meta pages zeroed", onMetas(func(m0, m1 []byte) { clear(m0); clear(m1) }), false},
		{"a page over another", copyPage, false},
		{"meta page 0 over 1", onMetas(func(m0, m1 []byte) { copy(m1, m0) }), false},
		{"meta page 1 over 0", onMetas(func(m0, m1 []byte) { copy(m0, m1) }), false},
		{"a page as it was before", earlierPage, true},
		{"a way back in the tree", cycle, false},
		{"a page said to be huge", eachPage(1, setOverflow), false},
		{"a page said to be full", eachPage(1, setCount), false},
		{"the largest count of elements", eachPage(1, func(_ *rand.Rand, p []byte) { p[10], p[11] = 0xFF, 0xFF }), false},
		{"truncated", truncateAnywhere, false},
		{"truncated after a page", truncateAtPage, false},
		{"nothing left", empty, false},
		{"another file", otherFile, false},
		{"its first bytes gone", behead, false},
	}
}

// forgers lists what only an attacker who knows the format would do.
func forgers() []damager {
	near := func(rnd *rand.Rand, old uint64) uint64 { return old + uint64(rnd.IntN(9)) - 4 }
	anywhere := func(rnd *rand.Rand, _ uint64) uint64 { return rnd.Uint64() >> rnd.IntN(64) }
	return []damager{
		{"size of pages", forge(8, func(rnd *rand.Rand, _ uint64) uint64 { return uint64(uint32(1) << rnd.IntN(32)) }), true},
		{"any size of pages", forge(8, anywhere), true},
		{"root nearby", forge(16, near), true},
		{"root anywhere", forge(16, anywhere), true},
		{"list nearby", forge(32, near), true},
		{"list anywhere", forge(32, anywhere), true},
		{"no list", forge(32, func(*rand.Rand, uint64) uint64 { return page.NoFreelist }), true},
		{"end nearby", forge(40, near), true},
		{"end anywhere", forge(40, anywhere), true},
		{"transaction nearby", forge(48, near), true},
		{"transaction anywhere", forge(48, anywhere), true},
		{"the last transaction", forge(48, func(*rand.Rand, uint64) uint64 { return ^uint64(0) }), true},
	}
}

// forge changes a number in both meta pages, and corrects their checksums.
func forge(at int, value func(rnd *rand.Rand, old uint64) uint64) func(*rand.Rand, *original, []byte) []byte {
	return func(rnd *rand.Rand, o *original, b []byte) []byte {
		for id := range 2 {
			m := b[id*o.pageSize+page.HeaderLen:]
			binary.NativeEndian.PutUint64(m[at:], value(rnd, binary.NativeEndian.Uint64(m[at:])))
		}
		seal(b, o.pageSize)
		return b
	}
}

// seal gives the meta pages of a file right checksums.
func seal(b []byte, pageSize int) {
	for id := range 2 {
		if at := id*pageSize + page.HeaderLen; at+page.MetaLen <= len(b) {
			sum := fnv.New64a()
			sum.Write(b[at:][:page.MetaSummed])
			binary.NativeEndian.PutUint64(b[at+page.MetaSummed:], sum.Sum64())
		}
	}
}

func flip(rnd *rand.Rand, b []byte) { b[rnd.IntN(len(b))] ^= 1 << rnd.IntN(8) }

func flips(n int) func(*rand.Rand, *original, []byte) []byte {
	return func(rnd *rand.Rand, o *original, b []byte) []byte {
		for range n {
			flip(rnd, b[:o.pages*o.pageSize])
		}
		return b
	}
}

// sparing leaves pages of a kind as they were. If everything else is corrupt, only the freelist
// may distinguish a current lease from an old one, and a flipped bit in it is not detected.
func sparing(kind string, do func(*rand.Rand, *original, []byte) []byte) func(*rand.Rand, *original, []byte) []byte {
	return func(rnd *rand.Rand, o *original, b []byte) []byte {
		b = do(rnd, o, b)
		for id, k := range o.kinds {
			if k == kind {
				copy(b[id*o.pageSize:][:o.pageSize], o.image[id*o.pageSize:])
			}
		}
		return b
	}
}

func flipIn(from, to int) func(*rand.Rand, []byte) {
	return func(rnd *rand.Rand, b []byte) { flip(rnd, b[from:to]) }
}

func zero(_ *rand.Rand, b []byte) { clear(b) }

// eachPage changes up to n pages that have been used.
func eachPage(n int, change func(*rand.Rand, []byte)) func(*rand.Rand, *original, []byte) []byte {
	return func(rnd *rand.Rand, o *original, b []byte) []byte {
		for range 1 + rnd.IntN(n) {
			change(rnd, b[rnd.IntN(o.pages)*o.pageSize:][:o.pageSize])
		}
		return b
	}
}

// inPage changes a page of the given kind, if there is one.
func inPage(kind string, change func(*rand.Rand, []byte)) func(*rand.Rand, *original, []byte) []byte {
	return func(rnd *rand.Rand, o *original, b []byte) []byte {
		if id, ok := o.anyPage(rnd, kind); ok {
			change(rnd, b[id*o.pageSize:][:o.pageSize])
		}
		return b
	}
}

func (o *original) anyPage(rnd *rand.Rand, kind string) (id int, ok bool) {
	var all []int
	for id, k := range o.kinds {
		if k == kind {
			all = append(all, id)
		}
	}
	if len(all) == 0 {
		return 0, false
	}
	return all[rnd.IntN(len(all))], true
}

func whole(change func(*rand.Rand, []byte)) func(*rand.Rand, *original, []byte) []byte {
	return func(rnd *rand.Rand, _ *original, b []byte) []byte {
		change(rnd, b)
		return b
	}
}

func inPart(change func(*rand.Rand, []byte)) func(*rand.Rand, []byte) {
	return func(rnd *rand.Rand, b []byte) { change(rnd, part(rnd, b)) }
}

func onMetas(change func(m0, m1 []byte)) func(*rand.Rand, *original, []byte) []byte {
	return func(_ *rand.Rand, o *original, b []byte) []byte {
		change(b[:o.pageSize], b[o.pageSize:][:o.pageSize])
		return b
	}
}

func part(rnd *rand.Rand, b []byte) []byte {
	from := rnd.IntN(len(b))
	return b[from:][:1+rnd.IntN(len(b)-from)]
}

func garbage(rnd *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
}

func setOverflow(rnd *rand.Rand, p []byte) {
	binary.NativeEndian.PutUint32(p[12:], rnd.Uint32()>>rnd.IntN(32))
}

func setCount(rnd *rand.Rand, p []byte) {
	binary.NativeEndian.PutUint16(p[10:], uint16(rnd.Uint32())>>rnd.IntN(16))
}

func truncateAnywhere(rnd *rand.Rand, _ *original, b []byte) []byte { return b[:rnd.IntN(len(b))] }

func truncateAtPage(rnd *rand.Rand, o *original, b []byte) []byte {
	return b[:o.pageSize*rnd.IntN(o.pages)]
}

func behead(rnd *rand.Rand, _ *original, b []byte) []byte { return b[1+rnd.IntN(100):] }

func empty(*rand.Rand, *original, []byte) []byte { return nil }

func otherFile(*rand.Rand, *original, []byte) []byte {
	return bytes.Repeat([]byte("garbage "), 5000)
}

func copyPage(rnd *rand.Rand, o *original, b []byte) []byte {
	from, to := rnd.IntN(o.pages), rnd.IntN(o.pages)
	copy(b[to*o.pageSize:][:o.pageSize], b[from*o.pageSize:])
	return b
}

// earlierPage undoes one write of a page, which the disk has lost. A lost write of a meta page
// cannot be detected.
func earlierPage(rnd *rand.Rand, o *original, b []byte) []byte {
	if len(o.earlier) == 0 || o.pages <= page.First {
		return b
	}
	before := o.earlier[rnd.IntN(len(o.earlier))]
	at := (page.First + rnd.IntN(o.pages-page.First)) * o.pageSize
	if at+o.pageSize <= len(before) {
		copy(b[at:][:o.pageSize], before[at:])
	}
	return b
}

// cycle makes an element of a branch refer to a branch, mostly the same one.
func cycle(rnd *rand.Rand, o *original, b []byte) []byte {
	from, ok := o.anyPage(rnd, "branch")
	if !ok {
		return b
	}
	to := from
	if rnd.IntN(3) == 0 {
		to, _ = o.anyPage(rnd, "branch")
	}
	p := b[from*o.pageSize:]
	i := rnd.IntN(int(page.ParseHeader(p).Count))
	binary.NativeEndian.PutUint64(p[page.HeaderLen+i*page.ElementLen+8:], uint64(to))
	return b
}
