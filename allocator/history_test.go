package allocator_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

func kind(err error) string {
	var (
		exhausted *allocator.ExhaustedError
		taken     *allocator.TakenError
		duplicate *allocator.DuplicateError
		request   *allocator.RequestError
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &exhausted):
		return "exhausted"
	case errors.As(err, &taken):
		return "taken"
	case errors.As(err, &duplicate):
		return "duplicate"
	case errors.As(err, &request):
		return "request"
	}
	return err.Error()
}

// Histories use blocks of 16 addresses, four in each family.
const blocks, blockSize = 4, 16

func inBlock(six bool, block, offset int) netip.Addr {
	if six {
		return netip.AddrFrom16([16]byte{0: 0xfd, 14: byte(block), 15: byte(offset)})
	}
	return netip.AddrFrom4([4]byte{10, 0, byte(block), byte(offset)})
}

func drawAddr(t *rapid.T, label string) netip.Addr {
	return inBlock(rapid.Bool().Draw(t, label+" is six"),
		rapid.IntRange(0, blocks-1).Draw(t, label+" block"), rapid.IntRange(0, blockSize-1).Draw(t, label+" offset"))
}

func drawOwner(t *rapid.T) backend.Owner {
	return backend.Owner{
		ContainerID: rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g", "h"}).Draw(t, "container"),
		IfName:      rapid.SampledFrom([]string{"eth0", "eth0", "eth0", "eth1", ""}).Draw(t, "interface"),
	}
}

// drawSpecs draws the ranges of one block: one subnet of any length, or a /28 cut in two.
func drawSpecs(t *rapid.T, six bool, block int) []allocator.RangeSpec {
	at := func(offset int) netip.Addr { return inBlock(six, block, offset) }
	host := rapid.SampledFrom([]int{0, 1, 2, 2, 3, 3, 4}).Draw(t, "host bits")
	network := netip.PrefixFrom(at(rapid.IntRange(0, blockSize-1).Draw(t, "subnet")), at(0).BitLen()-host).Masked()
	if rapid.Bool().Draw(t, "whole") {
		return []allocator.RangeSpec{{Subnet: network}}
	}
	whole := netip.PrefixFrom(at(0), at(0).BitLen()-4)
	ends := rapid.SliceOfNDistinct(rapid.IntRange(0, blockSize-1), 4, 4, rapid.ID[int]).Draw(t, "ends")
	slices.Sort(ends)
	return []allocator.RangeSpec{
		{Subnet: whole, First: at(ends[2]), Last: at(ends[3])},
		{Subnet: whole, First: at(ends[0]), Last: at(ends[1])},
	}
}

func drawSet(t *rapid.T, six bool, blocks []int) ([]oracleRange, allocator.Set) {
	var (
		simple []oracleRange
		ranges []allocator.Range
	)
	for _, block := range blocks {
		for _, spec := range drawSpecs(t, six, block) {
			switch rapid.IntRange(0, 3).Draw(t, "gateway") {
			case 0:
				spec.NoGateway = true
			case 1:
				spec.Gateway = inBlock(six, block, rapid.IntRange(0, blockSize-1).Draw(t, "gateway offset"))
			}
			for range rapid.IntRange(0, 2).Draw(t, "exclusions") {
				a, b := drawAddr(t, "exclude"), drawAddr(t, "to")
				if a.BitLen() != b.BitLen() || b.Less(a) {
					b = a
				}
				spec.Exclude = append(spec.Exclude, allocator.Span{First: a, Last: b})
			}
			r, err := allocator.NewRange(spec)
			require.NoError(t, err)
			ranges = append(ranges, r)
			simple = append(simple, oracleRange{r.First(), r.Last(), r.Gateway(), spec.Exclude, spec.Subnet.Bits()})
		}
	}
	s, err := allocator.NewSet(ranges...)
	require.NoError(t, err)
	return simple, s
}

// drawPool draws a pool of one to three sets, and the same for the oracle.
func drawPool(t *rapid.T) ([][]oracleRange, allocator.Pool) {
	var (
		simple [][]oracleRange
		sets   []allocator.Set
	)
	rest := map[bool][]int{}
	for _, six := range []bool{false, true} {
		rest[six] = rapid.Permutation([]int{0, 1, 2, 3}).Draw(t, "blocks")
	}
	for range rapid.IntRange(1, 3).Draw(t, "sets") {
		six := rapid.Bool().Draw(t, "six")
		n := rapid.IntRange(1, 2).Draw(t, "blocks of the set")
		if len(rest[six]) < n {
			six = !six
		}
		o, s := drawSet(t, six, rest[six][:n])
		rest[six] = rest[six][n:]
		simple, sets = append(simple, o), append(sets, s)
	}
	p, err := allocator.NewPool(sets...)
	require.NoError(t, err)
	return simple, p
}

// For the same history the allocator returns the same addresses, and the same kinds of
// errors, as the oracle.
func TestAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		simple, pool := drawPool(t)
		onDup := rapid.SampledFrom([]allocator.Duplicate{allocator.RefuseDuplicate, allocator.ReturnExisting}).Draw(t, "on duplicate")
		o := &oracle{sets: simple, held: map[netip.Addr]backend.Owner{}, cursors: map[int]netip.Addr{}, onDup: onDup}
		store := memory.New()
		a := allocator.New(store, pool, allocator.Options{OnDuplicate: onDup})

		allocate := func(t *rapid.T, requested []netip.Addr) {
			owner := drawOwner(t)
			want, refusal := o.allocate(owner, requested)
			got, err := a.Allocate(ctx, allocator.Request{Owner: owner, Addrs: requested})
			require.Equal(t, refusal, kind(err))
			var gotTexts []string
			for _, as := range got {
				gotTexts = append(gotTexts, fmt.Sprintf("%s via %s", as.Addr, as.Gateway))
			}
			require.Equal(t, want, gotTexts)
		}
		next := func(t *rapid.T) { allocate(t, nil) }
		t.Repeat(map[string]func(*rapid.T){
			"allocate":       next,
			"allocate again": next, // twice as likely, so that sets fill up
			"allocate more":  next,
			"request": func(t *rapid.T) {
				requested := []netip.Addr{drawAddr(t, "request")}
				if rapid.Bool().Draw(t, "two") {
					requested = append(requested, drawAddr(t, "request too"))
				}
				allocate(t, requested)
			},
			"release": func(t *rapid.T) {
				owner := drawOwner(t)
				o.release(owner)
				_, err := allocator.Release(ctx, store, owner)
				require.NoError(t, err)
			},
			"collect": func(t *rapid.T) {
				var valid []backend.Owner
				for range rapid.IntRange(3, 12).Draw(t, "valid") {
					valid = append(valid, drawOwner(t))
				}
				o.collect(valid)
				_, err := allocator.Collect(ctx, store, valid)
				require.NoError(t, err)
			},
			"tear": func(t *rapid.T) {
				torn := drawAddr(t, "torn")
				o.held[torn] = backend.Owner{}
				require.NoError(t, store.Tear(torn))
			},
			"lose cursor": func(t *rapid.T) {
				cursor := drawAddr(t, "cursor")
				o.cursors[0] = cursor
				require.NoError(t, store.Update(ctx, func(tx backend.Tx) error { return tx.SetCursor("0", cursor) }))
			},
			"": func(t *rapid.T) {
				require.Equal(t, o.contents(), contents(t, store))
				require.Equal(t, o.exhausted(), a.Status(ctx) != nil)
			},
		})
	})
}
