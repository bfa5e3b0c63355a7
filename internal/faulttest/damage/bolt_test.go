package damage

import (
	"bytes"
	"errors"
	"iter"
	"maps"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// outcomeCounts counts the outcomes for each kind of damage.
type outcomeCounts struct {
	mu     sync.Mutex
	counts map[string]map[string]int
	total  int
}

func (c *outcomeCounts) add(what, outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[string]map[string]int)
	}
	if c.counts[what] == nil {
		c.counts[what] = make(map[string]int)
	}
	c.counts[what][outcome]++
	c.total++
}

func (c *outcomeCounts) log(t *testing.T) {
	t.Logf("%d damaged files", c.total)
	for _, what := range slices.Sorted(maps.Keys(c.counts)) {
		n := c.counts[what]
		t.Logf("%-40s detected %6d, latent %6d, harmless %6d, older %5d, wrong %d",
			what, n[detected], n[latent], n[harmless], n[older], n[wrong])
	}
}

// runAll runs all damaged stores and counts the outcomes.
func runAll(t *testing.T, stores iter.Seq[damagedStore]) {
	t.Helper()
	var c outcomeCounts
	dir := faulttest.Dir(t)
	workers(t, stores, func(w *worker, tr damagedStore) {
		outcome, err := tr.run(w, filepath.Join(dir, strconv.Itoa(w.number)))
		if err != nil {
			t.Error(err)
		}
		c.add(tr.name, outcome)
	})
	c.log(t)
}

// sample returns all items in an exhaustive run, half of them in another, and a quarter with -short:
// others each time.
func sample[T any](all []T) []T {
	step := 2
	switch {
	case faulttest.Exhaustive():
		return all
	case testing.Short():
		step = 4
	}
	var few []T
	for i := rand.IntN(step); i < len(all); i += step {
		few = append(few, all[i])
	}
	return few
}

// rounds returns the number of repetitions.
func rounds(quick, exhaustive int) int {
	switch {
	case faulttest.Exhaustive():
		return exhaustive
	case testing.Short():
		return max(quick/4, 1)
	}
	return quick
}

// small returns a network whose trees have one branch page each, except the index of runs.
func small() faulttest.Network { return faulttest.Network{Dual: true, Size: 40} }

// large returns a network whose trees have several leaf pages.
func large() faulttest.Network { return faulttest.Network{Dual: true, Size: 200} }

func TestDamagedBoltStoreLeasesNothingTwice(t *testing.T) {
	other := newOriginal(t, faulttest.Network{Dual: true, Size: 60}, 10)
	originals := []*original{newOriginal(t, small(), 4), newFragmented(t)}
	if faulttest.Exhaustive() {
		originals = append(originals, newOriginal(t, large(), 7))
	}
	seed := faulttest.Seed(t)
	runAll(t, func(yield func(damagedStore) bool) {
		for _, o := range originals {
			for i, d := range damages(other) {
				for j := range rounds(6, 1200) {
					s := seed + uint64(i)<<48 + uint64(j)<<32
					image := d.do(rand.New(rand.NewPCG(s, 0)), o, bytes.Clone(o.image))
					if !yield(damagedStore{original: o, name: d.name, image: image, seed: s, foreign: other.everLeased}) {
						return
					}
				}
			}
		}
	})
}

// A meta page of another network is valid in itself, and can point to a valid old tree.
func TestMetaPageOfAnotherNetworkLeasesNothingTwice(t *testing.T) {
	other := newOriginal(t, faulttest.Network{Dual: true, Size: 60}, 10)
	originals := []*original{newOriginal(t, small(), 4), newFragmented(t)}
	runAll(t, func(yield func(damagedStore) bool) {
		for _, o := range originals {
			for id := range 2 {
				image := bytes.Clone(o.image)
				copy(o.page(image, id), other.page(other.image, id))
				if !yield(damagedStore{original: o, name: o.parts[id], image: image, seed: uint64(id), foreign: other.everLeased}) {
					return
				}
			}
		}
	})
}

// Flips one bit at a time, in each part of a file.
func TestFlippedBitLeasesNothingTwice(t *testing.T) {
	originals, seed := []*original{newOriginal(t, small(), 4), newFragmented(t)}, faulttest.Seed(t)
	runAll(t, func(yield func(damagedStore) bool) {
		for _, o := range originals {
			for i, part := range o.kinds() {
				for j := range rounds(6, 1500) {
					s := seed + uint64(i)<<48 + uint64(j)<<32
					r := rand.New(rand.NewPCG(s, 0))
					image, ids := bytes.Clone(o.image), o.pagesOf(part)
					flip(r, o.written(image, ids[r.IntN(len(ids))]))
					if !yield(damagedStore{original: o, name: part, image: image, seed: s}) {
						return
					}
				}
			}
		}
	})
}

// Flips one bit of every byte of a minimal store; of some bytes in a quick run.
func TestEveryByteFlippedLeasesNothingTwice(t *testing.T) {
	o := newOriginal(t, faulttest.Network{Size: 8}, 2)
	step := 101
	switch {
	case faulttest.Exhaustive():
		step = 1
	case testing.Short():
		step = 503
	}
	runAll(t, func(yield func(damagedStore) bool) {
		for at := 0; at < o.pages*o.pageSize(); at += step {
			image := bytes.Clone(o.image)
			image[at] ^= 1 << (at * 5 % 8)
			if !yield(damagedStore{original: o, name: o.parts[at/o.pageSize()], image: image, seed: uint64(at)}) {
				return
			}
		}
	})
}

// A file does not say which network it belongs to, so another network's leases are
// believed. But an address that is leased in the file, or not in the pool, is never leased.
func TestStoresOfTwoNetworksExchanged(t *testing.T) {
	one, other := newOriginal(t, small(), 4), newOriginal(t, faulttest.Network{Dual: true, Size: 60}, 10)
	w, dir := newWorker(t), faulttest.Dir(t)
	for _, tr := range []damagedStore{
		{original: one, image: one.image, net: other.net},
		{original: other, image: other.image, net: one.net},
	} {
		tr.net.Dir = dir
		require.NoError(t, tr.write())
		given := leases{}
		for i := range tr.net.Size {
			id := "new" + strconv.Itoa(i)
			a, err := w.do(request{Net: tr.net, Command: "ADD", ID: id})
			require.NoError(t, err)
			if a.Code != 0 {
				break
			}
			require.NoError(t, tr.checkAdd(a.Out, id, tr.now, given))
		}
		a, err := w.do(request{Net: tr.net, Command: verify})
		require.NoError(t, err)
		require.Empty(t, a.Err)
	}
}

// The plugin as its own process ends like the worker does.
func TestPluginAsAProcessEnds(t *testing.T) {
	program, dir, seed := faulttest.Shared(t).HostLocal, faulttest.Dir(t), faulttest.Seed(t)
	o := newOriginal(t, small(), 4)
	n := 0
	for _, d := range damages(o) {
		for i := range rounds(2, 50) {
			tr := damagedStore{original: o, image: d.do(rand.New(rand.NewPCG(seed, uint64(i))), o, bytes.Clone(o.image)), net: o.net}
			tr.net.Dir = dir
			for _, command := range []string{"ADD", "DEL", "GC"} {
				require.NoError(t, tr.write())
				out, err := outputWithin(tr.net.Command(program, command, o.ids()[0], faulttest.Attachments(o.ids()...)))
				require.NotContains(t, out, "goroutine", "%s, seed %d, %d", d.name, seed, i)
				if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
					err = nil // The plugin has printed a CNI error.
				}
				require.NoError(t, err, "%s, seed %d, %d: %s", d.name, seed, i, out)
				n++
			}
		}
	}
	t.Logf("%d processes", n)
}
