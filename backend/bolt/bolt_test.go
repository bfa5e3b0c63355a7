package bolt_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/backendtest"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/internal/ramtemp"
)

func open(path string) (backend.Store, error) { return bolt.Open(path), nil }

func TestMain(m *testing.M) {
	ramtemp.Use()
	backendtest.Main(m, open)
}

func TestStore(t *testing.T) {
	backendtest.Run(t, backendtest.Options{
		Open:         open,
		Persistent:   true,
		KeepsDetails: true,
		KeepsHistory: true,
		Cools:        true,
		Check:        func(path string) error { return bolt.Open(path).Verify(context.Background()) },
		Damage:       some(damages()),
		Garble:       some(garblings()),
		Shareable:    true,
	})
}

// The store in which every address is held, among those that hosts share.
func TestSharedStore(t *testing.T) {
	if testing.Short() {
		t.Skip("TestStore has the same tests")
	}
	backendtest.Run(t, backendtest.Options{
		Open:         backendtest.HoldingAll(open),
		Persistent:   true,
		KeepsDetails: true,
		KeepsHistory: true,
		Cools:        true,
		Check:        func(path string) error { return bolt.Open(path).Verify(context.Background()) },
		Damage:       damages(),
		Garble:       garblings(),
	})
}

func BenchmarkStore(b *testing.B) { backendtest.Benchmark(b, open) }

// damages lists damage that a store reports. It does not report a lost meta page, because it
// uses the other one, as after a power cut; nor much of what is inside a page, where only
// leases have checksums.
func damages() (list []func(path string) error) {
	edit := func(change func([]byte) []byte) {
		list = append(list, func(path string) error {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, change(content), 0o600)
		})
	}
	const page = 4096
	for _, n := range []int{0, 1, page, 2 * page, 3*page + 7, 5 * page, 16 * page} {
		edit(func(b []byte) []byte { return b[:min(n, len(b))] }) // truncated
	}
	ones := bytes.Repeat([]byte{0xff}, page)
	for n := 2; n < 24; n += 3 {
		at := n * page
		edit(func(b []byte) []byte { clear(b[at:][:page]); return b })
		edit(func(b []byte) []byte { copy(b[at:], ones); return b })
		edit(func(b []byte) []byte { copy(b[at:], b[at+page:][:page]); return b }) // another page
		edit(func(b []byte) []byte { b[at+8] ^= 0x10; return b })                  // another kind of page
	}
	for bit := 0; bit < 8*16; bit += 5 {
		edit(func(b []byte) []byte { return flipEverywhere(b, page, bit) })
	}
	edit(func([]byte) []byte { return []byte("This is no store.") })
	edit(func(b []byte) []byte { return bytes.Repeat([]byte("garbage "), len(b)/8) })
	return append(list, func(path string) error {
		if err := os.Remove(path); err != nil {
			return err
		}
		return os.Mkdir(path, 0o755)
	})
}

// garblings lists damage that a store need not report.
func garblings() (list []func(path string) error) {
	const page = 4096
	for n := range 24 {
		list = append(list, func(path string) error {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for at := 16 + n; at < page; at += 257 { // bits of elements, keys and values
				content[n*page+at] ^= 1 << (n % 8)
			}
			return os.WriteFile(path, content, 0o600)
		})
	}
	return list
}

// some returns every third way with -short, from a random one on, and otherwise all.
func some(ways []func(path string) error) (chosen []func(path string) error) {
	if !testing.Short() {
		return ways
	}
	for i := rand.IntN(3); i < len(ways); i += 3 {
		chosen = append(chosen, ways[i])
	}
	return chosen
}

// flipEverywhere flips one bit of the header of each page.
func flipEverywhere(b []byte, page, bit int) []byte {
	for at := bit / 8; at < len(b); at += page {
		b[at] ^= 1 << (bit % 8)
	}
	return b
}
