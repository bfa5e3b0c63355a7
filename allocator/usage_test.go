package allocator_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

func usage(t require.TestingT, s backend.Store, p allocator.Pool) (usages []allocator.Usage) {
	require.NoError(t, view(s, func(tx backend.ReadTx) (err error) {
		usages, err = p.Usage(tx)
		return err
	}))
	again, err := p.ReadUsage(context.Background(), s)
	require.NoError(t, err)
	require.Equal(t, usages, again)
	return usages
}

func view(s backend.Store, fn func(backend.ReadTx) error) error {
	return s.View(context.Background(), fn)
}

// countOneByOne is Usage of one set, written as simply as possible.
func countOneByOne(ranges []oracleRange, leased map[netip.Addr]bool) (u allocator.Usage) {
	ranges = slices.SortedFunc(slices.Values(ranges), func(a, b oracleRange) int { return a.first.Compare(b.first) })
	var run allocator.Span
	for _, r := range ranges {
		for a := r.first; r.contains(a); a = a.Next() {
			u.Size++
			switch {
			case !r.leasable(a):
				u.Withheld++
				if leased[a] {
					u.WithheldLeased++
				}
				continue
			case leased[a]:
				u.Leased++
				continue
			}
			u.Free++
			if !run.First.IsValid() || run.Last.Next() != a {
				run.First = a
			}
			run.Last = a
			if run.Size() > u.LargestFree.Size() {
				u.LargestFree = run
			}
		}
	}
	return u
}

func TestUsageAgainstCountingOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		simple, pool := drawPool(t)
		store, leased := memory.New(), make(map[netip.Addr]bool)
		for range rapid.IntRange(0, 6).Draw(t, "runs") {
			a := drawAddr(t, "leased")
			for range rapid.IntRange(1, blockSize).Draw(t, "length") {
				require.NoError(t, store.Tear(a))
				leased[a] = true
				a = a.Next()
			}
		}
		got := usage(t, store, pool)
		require.Len(t, got, len(simple))
		for i, ranges := range simple {
			want := countOneByOne(ranges, leased)
			want.Index, want.Set = i, pool.Sets()[i]
			require.Equal(t, want, got[i])
		}
	})
}

// Of a shared store what the host does not hold is counted apart, also where leases are from before.
func TestUsageOfASharedStore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		simple, pool := drawPool(t)
		store, leased := memory.New(), make(map[netip.Addr]bool)
		for range rapid.IntRange(0, 6).Draw(t, "leases") {
			a := drawAddr(t, "leased")
			require.NoError(t, store.Tear(a))
			leased[a] = true
		}
		var held []allocator.Span
		require.NoError(t, store.Update(context.Background(), func(tx backend.Tx) error {
			shared := tx.(backend.SharedTx)
			require.NoError(t, shared.SetMembership(backend.Membership{Space: "pods", Host: "node-1"}))
			for range rapid.IntRange(0, 4).Draw(t, "blocks") {
				first := drawAddr(t, "block")
				last := first
				for range rapid.IntRange(0, 5).Draw(t, "length") {
					last = last.Next()
				}
				state := rapid.SampledFrom([]backend.BlockState{backend.Open, backend.Open, backend.Closing}).Draw(t, "state")
				err := shared.PutBlock(backend.Block{First: first, Last: last, State: state})
				if errors.Is(err, backend.ErrInvalid) {
					continue // it overlaps another
				}
				require.NoError(t, err)
				if state == backend.Open {
					held = append(held, allocator.Span{First: first, Last: last})
				}
			}
			return nil
		}))
		got := usage(t, store, pool)
		for i, ranges := range simple {
			want := countOneByOne(ranges, leased)
			for _, r := range ranges {
				for a := r.first; r.contains(a); a = a.Next() {
					if r.leasable(a) && !leased[a] && !slices.ContainsFunc(held, func(s allocator.Span) bool { return s.Contains(a) }) {
						want.Free--
						want.NotHeld++
					}
				}
			}
			want.Index, want.Set, want.LargestFree = i, pool.Sets()[i], got[i].LargestFree
			require.Equal(t, want, got[i])
			require.LessOrEqual(t, got[i].LargestFree.Size(), got[i].Free)
		}
	})
}

func TestUsage(t *testing.T) {
	whole := func(t *testing.T, in string) allocator.Range { return subnet(t, in) }
	without := func(t *testing.T, in string, gateway string, exclude ...string) allocator.Range {
		spec := allocator.RangeSpec{Subnet: netip.MustParsePrefix(in), Gateway: optional(gateway)}
		for _, e := range exclude {
			spec.Exclude = append(spec.Exclude, span(t, e))
		}
		return newRange(t, spec)
	}
	most := uint64(math.MaxUint64)
	for _, c := range []struct {
		name                         string
		ranges                       []allocator.Range
		leased                       []string
		size, withheld, taken, spare uint64
		largest                      string
		anyway                       uint64
	}{
		{"empty", []allocator.Range{whole(t, "10.0.0.0/24")}, nil, 254, 1, 0, 253, "10.0.0.2-10.0.0.254", 0},
		{"the longest run in the middle", []allocator.Range{whole(t, "10.0.0.0/24")},
			[]string{"10.0.0.5", "10.0.0.200"}, 254, 1, 2, 251, "10.0.0.6-10.0.0.199", 0},
		{"the lower of two equal runs", []allocator.Range{whole(t, "10.0.0.0/29")}, []string{"10.0.0.4"}, 6, 1, 1, 4, "10.0.0.2-10.0.0.3", 0},
		{"full", []allocator.Range{whole(t, "10.0.0.0/29")}, []string{"10.0.0.2-10.0.0.6"}, 6, 1, 5, 0, "", 0},
		{"leases around the range", []allocator.Range{subrange(t, "10.0.0.0/24", "10.0.0.8", "10.0.0.9")},
			[]string{"10.0.0.1-10.0.0.8", "10.0.0.10-10.0.0.99"}, 2, 0, 1, 1, "10.0.0.9", 0},
		{"leases of the other family", []allocator.Range{whole(t, "10.0.0.0/29")}, []string{"fd00::1-fd00::9"}, 6, 1, 0, 5, "10.0.0.2-10.0.0.6", 0},
		{"a leased gateway", []allocator.Range{without(t, "10.0.0.0/29", "10.0.0.4")},
			[]string{"10.0.0.3-10.0.0.5"}, 6, 1, 2, 3, "10.0.0.1-10.0.0.2", 1},
		{"a leased excluded address", []allocator.Range{without(t, "10.0.0.0/29", "", "10.0.0.3-10.0.0.4")},
			[]string{"10.0.0.3", "10.0.0.6"}, 6, 3, 1, 2, "10.0.0.2", 1},
		{"only a gateway", []allocator.Range{subrange(t, "10.0.0.0/24", "10.0.0.1", "10.0.0.1")}, []string{"10.0.0.1"}, 1, 1, 0, 0, "", 1},
		{"/31", []allocator.Range{whole(t, "10.0.0.2/31")}, []string{"10.0.0.2"}, 2, 0, 1, 1, "10.0.0.3", 0},
		{"/32", []allocator.Range{whole(t, "255.255.255.255/32")}, []string{"255.255.255.255"}, 1, 0, 1, 0, "", 0},
		{"/8", []allocator.Range{whole(t, "10.0.0.0/8")}, []string{"10.0.0.2-10.0.0.99", "10.128.0.0"},
			1<<24 - 2, 1, 99, 1<<24 - 102, "10.128.0.1-10.255.255.254", 0},
		{"all of IPv4", []allocator.Range{whole(t, "0.0.0.0/0")}, nil, 1<<32 - 2, 1, 0, 1<<32 - 3, "0.0.0.2-255.255.255.254", 0},
		{"/64", []allocator.Range{whole(t, "fd00::/64")}, []string{"fd00::2-fd00::9"}, most, 1, 8, most - 9, "fd00::a-fd00::ffff:ffff:ffff:ffff", 0},
		{"more than can be counted", []allocator.Range{without(t, "fd00::/60", "", "fd00:0:0:8::/61", "fd00:0:0:7:8000::/65")},
			[]string{"fd00:0:0:2::"}, most, most, 1, most, "fd00:0:0:2::1-fd00:0:0:7:7fff:ffff:ffff:ffff", 0},
		{"adjacent ranges", []allocator.Range{subrange(t, "10.0.0.0/24", "10.0.0.20", "10.0.0.29"), subrange(t, "10.0.0.0/24", "10.0.0.9", "10.0.0.19")},
			[]string{"10.0.0.12", "10.0.0.28"}, 21, 0, 2, 19, "10.0.0.13-10.0.0.27", 0},
		{"ranges apart", []allocator.Range{subrange(t, "10.0.0.0/24", "10.0.0.21", "10.0.0.29"), subrange(t, "10.0.0.0/24", "10.0.0.9", "10.0.0.19")},
			nil, 20, 0, 0, 20, "10.0.0.9-10.0.0.19", 0},
		{"the ends of both families", []allocator.Range{subrange(t, "ffff::/16", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")},
			[]string{"255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"}, 2, 0, 1, 1, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := memory.New()
			for _, text := range c.leased {
				for a, s := span(t, text).First, span(t, text); s.Contains(a); a = a.Next() {
					put(t, store, backend.Lease{Addr: a, Owner: eth0(a.String())})
				}
			}
			set := newSet(t, c.ranges...)
			want := allocator.Usage{Set: set, Size: c.size, Withheld: c.withheld, WithheldLeased: c.anyway, Leased: c.taken, Free: c.spare}
			if c.largest != "" {
				want.LargestFree = span(t, c.largest)
			}
			require.Equal(t, []allocator.Usage{want}, usage(t, store, newPool(t, set)))
		})
	}
}

// A run of leases costs two lookups, however long it is.
func TestUsageJumps(t *testing.T) {
	store := &spy{Store: memory.New()}
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.0/16")))
	for i := range 2000 {
		if i%1000 == 999 {
			continue
		}
		put(t, store, backend.Lease{Addr: netip.AddrFrom4([4]byte{10, 0, byte(4 + i/250), byte(i % 250)}), Owner: eth0(fmt.Sprint(i))})
	}
	store.calls = nil
	require.NoError(t, view(store, func(tx backend.ReadTx) error {
		usages, err := pool.Usage(tx)
		require.EqualValues(t, 1998, usages[0].Leased)
		return err
	}))
	steps := slices.DeleteFunc(store.calls, func(m string) bool { return m == "View" })
	require.Len(t, steps, 2*8+2+1, "eight runs, the rest after the last, and the gateway")
}

// Many runs are counted in several transactions, none of which takes long.
func TestReadUsage(t *testing.T) {
	store := many(t, 0, 0)
	var leases []backend.Lease
	for i := range 10_000 {
		leases = append(leases, backend.Lease{Addr: nth(2 * i), Owner: eth0(fmt.Sprint(i))})
	}
	put(t, store.Store, leases...)
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.0/16")))
	usages, err := pool.ReadUsage(t.Context(), store)
	require.NoError(t, err)
	require.EqualValues(t, 9_999, usages[0].Leased) // and the gateway
	require.EqualValues(t, 1, usages[0].WithheldLeased)
	require.Len(t, store.views, 3)
	for _, w := range store.views {
		require.LessOrEqual(t, w.read, 4096)
	}
	require.Equal(t, usages, usage(t, store.Store, pool))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = pool.ReadUsage(ctx, store)
	require.ErrorIs(t, err, context.Canceled)
}

func TestUsageFailsWithStore(t *testing.T) {
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.0/24")))
	for _, method := range []string{"NextFree", "Leases"} {
		require.ErrorIs(t, view(&spy{Store: held(t), fail: method}, func(tx backend.ReadTx) error {
			usages, err := pool.Usage(tx)
			require.Nil(t, usages)
			return err
		}), errBroken)
		_, err := pool.ReadUsage(t.Context(), &spy{Store: held(t), fail: method})
		require.ErrorIs(t, err, errBroken)
	}
}

// Usage returns an error, instead of looping forever, if the index of runs lacks a lease.
func TestUsageOfContradictoryStore(t *testing.T) {
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.0/24")))
	err := view(memory.New(), func(tx backend.ReadTx) error {
		_, err := pool.Usage(contradiction{tx})
		return err
	})
	require.ErrorIs(t, err, backend.ErrDamaged)
	require.ErrorContains(t, err, "10.0.0.2 is both leased and free")
}

// A contradiction reports leased addresses as free.
type contradiction struct{ backend.ReadTx }

func (contradiction) Leases(from netip.Addr) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) { yield(backend.Lease{Addr: from}, nil) }
}

func TestSpanSize(t *testing.T) {
	for in, want := range map[string]uint64{
		"10.0.0.7": 1, "10.0.0.7-10.0.1.6": 256, "0.0.0.0/0": 1 << 32, "fd00::/64": math.MaxUint64,
		"fd00::1-fd00::ffff:ffff:ffff:ffff": math.MaxUint64, "fd00::2-fd00::ffff:ffff:ffff:ffff": math.MaxUint64 - 1,
		"fd00::ffff:ffff:ffff:ffff-fd00:0:0:1::": 2, "::/0": math.MaxUint64,
	} {
		require.Equal(t, want, span(t, in).Size(), in)
	}
	require.Zero(t, allocator.Span{}.Size())
}

func TestSpanOf(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.7/24": "10.0.0.0-10.0.0.255", "10.0.0.7/32": "10.0.0.7", "fd00::1/64": "fd00::-fd00::ffff:ffff:ffff:ffff",
	} {
		require.Equal(t, want, allocator.SpanOf(netip.MustParsePrefix(in)).String())
	}
}

func TestSpansAndHoles(t *testing.T) {
	r := newRange(t, allocator.RangeSpec{
		Subnet: netip.MustParsePrefix("10.0.0.0/28"), Gateway: addr("10.0.0.4"),
		Exclude: []allocator.Span{span(t, "10.0.0.5-10.0.0.6"), span(t, "10.0.0.14-10.0.0.99")},
	})
	require.Equal(t, []allocator.Span{span(t, "10.0.0.1-10.0.0.3"), span(t, "10.0.0.7-10.0.0.13")}, r.Spans())
	require.Equal(t, []allocator.Span{span(t, "10.0.0.4-10.0.0.6"), span(t, "10.0.0.14")}, r.Holes())
	r.Spans()[0] = allocator.Span{}
	require.True(t, r.Leasable(addr("10.0.0.1")), "a caller cannot change the range")

	all := newRange(t, allocator.RangeSpec{Subnet: netip.MustParsePrefix("10.0.0.0/28"), NoGateway: true})
	require.Empty(t, all.Holes())
	none := subrange(t, "10.0.0.0/28", "10.0.0.1", "10.0.0.1")
	require.Empty(t, none.Spans())
	require.Equal(t, []allocator.Span{span(t, "10.0.0.1")}, none.Holes())
}
