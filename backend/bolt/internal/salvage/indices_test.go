package salvage

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func run(first, last string) format.Run { return format.Run{First: addr(first), Last: addr(last)} }

func leaseOf(a, id string, since int64) backend.Lease {
	return backend.Lease{Addr: addr(a), Owner: backend.Owner{ContainerID: id}, Since: time.Unix(since, 0)}
}

// A lease is released if every index that could be read says so, and at least one could.
func TestIsReleased(t *testing.T) {
	l := leaseOf("10.0.0.7", "a", 1)
	const id = 5
	for n := range 27 { // each of three: not readable, says that it is released, says that it is leased
		says := [3]int{n % 3, n / 3 % 3, n / 9}
		e := indices{current: true, pageSize: 4096, end: 9}
		switch says[0] {
		case 1:
			e.runs = []format.Run{run("10.0.0.1", "10.0.0.6"), run("10.0.0.8", "10.0.0.9")}
		case 2:
			e.runs = []format.Run{run("10.0.0.1", "10.0.0.3"), run("10.0.0.5", "10.0.0.7")}
		}
		switch says[1] {
		case 1:
			e.owners = []string{string(format.OwnerKey("b", l.Addr))}
		case 2:
			e.owners = []string{string(format.OwnerKey("a", l.Addr))}
		}
		if says[2] > 0 {
			e.free = page.NewBitmap(9)
		}
		if says[2] == 1 {
			e.free.Add(id)
		}
		most := max(says[0], says[1], says[2])
		require.Equal(t, most == 1, e.isReleased(id*4096+17, l), fmt.Sprint(says))
		e.current = false
		require.False(t, e.isReleased(id*4096+17, l), "%v, but of an earlier transaction", says)
	}
	require.True(t, (&indices{current: true, pageSize: 4096, end: 5, free: page.NewBitmap(5)}).isReleased(id*4096, l), "behind the end")
}

func TestIsBetter(t *testing.T) {
	v := &salvager{indices: indices{current: true, owners: []string{string(format.OwnerKey("a", addr("10.0.0.7")))}}}
	of := func(id string, since int64, inUse, inTree bool) candidate {
		return candidate{Lease: leaseOf("10.0.0.7", id, since), inUse: inUse, inTree: inTree}
	}
	ascending := []candidate{
		of("b", 1, false, false), of("b", 2, false, false), of("b", 1, true, false), of("b", 1, true, true),
		of("a", 1, false, false), of("a", 1, true, false),
	}
	for i, a := range ascending {
		for j, b := range ascending {
			require.Equal(t, i > j, v.isBetter(a, b), "%d, %d", i, j)
		}
	}
	v.current = false
	require.True(t, v.isBetter(of("b", 2, false, false), of("a", 1, true, true)), "the latest")
}

func TestIsDoubtful(t *testing.T) {
	reached := candidate{Lease: leaseOf("10.0.0.7", "a", 1), inTree: true}
	stray := candidate{Lease: leaseOf("10.0.0.7", "a", 1)}
	for _, c := range []struct {
		x              indices
		reached, stray bool
	}{
		{indices{}, false, true},
		{indices{owners: []string{string(format.OwnerKey("a", addr("10.0.0.7")))}}, false, false},
		{indices{owners: []string{}}, true, true},
		{indices{owners: []string{}, runs: []format.Run{run("10.0.0.7", "10.0.0.7")}}, false, true},
	} {
		v := &salvager{indices: c.x}
		require.Equal(t, c.reached, v.isDoubtful(reached))
		require.Equal(t, c.stray, v.isDoubtful(stray))
	}
}

// If the owners index could be read, a salvage that differs from it is not complete.
func TestIsComplete(t *testing.T) {
	v := &salvager{candidates: make(map[netip.Addr]candidate)}
	for _, a := range []string{"10.0.0.7", "10.0.0.8"} {
		l := leaseOf(a, "a", 1)
		v.candidates[l.Addr] = candidate{Lease: l, inTree: true}
	}
	seven, eight := string(format.OwnerKey("a", addr("10.0.0.7"))), string(format.OwnerKey("a", addr("10.0.0.8")))
	other, more := string(format.OwnerKey("b", addr("10.0.0.8"))), string(format.OwnerKey("a", addr("10.0.0.9")))
	both := []format.Run{run("10.0.0.7", "10.0.0.8")}
	for i, c := range []struct {
		x    indices
		want bool
	}{
		{indices{current: true}, false},
		{indices{current: true, runs: both}, true},
		{indices{current: true, runs: []format.Run{}}, false},
		{indices{current: true, owners: []string{seven, eight}}, true},
		{indices{current: true, owners: []string{seven, other}, runs: both}, false},
		{indices{current: true, owners: []string{seven}, runs: both}, false},
		{indices{current: true, owners: []string{seven, eight, more}, runs: both}, false},
		{indices{owners: []string{seven, eight}, runs: both}, false},
	} {
		slices.Sort(c.x.owners)
		v.indices = c.x
		require.Equal(t, c.want, v.isComplete(), "case %d", i)
	}
	v.leasesFaults.Add(errors.New("a page is lost"))
	require.False(t, v.isComplete())
}

// An address that either index has is leased, unless the runs are implausibly long.
func TestLeasedRuns(t *testing.T) {
	e := indices{
		runs:      []format.Run{run("10.0.0.1", "10.0.0.9"), run("fd00::1", "fd00::1")},
		owners:    []string{},
		ownerRuns: []format.Run{run("10.0.0.1", "10.0.0.3"), run("10.0.0.8", "10.0.0.12")},
	}
	known, ok := e.leasedRuns()
	require.True(t, ok)
	require.Equal(t, []format.Run{
		run("10.0.0.1", "10.0.0.3"), run("10.0.0.4", "10.0.0.7"),
		run("10.0.0.8", "10.0.0.12"), run("fd00::1", "fd00::1"),
	}, known)
	e.runs[1].Last = addr("fd00::1:0")
	known, ok = e.leasedRuns()
	require.True(t, ok)
	require.Equal(t, e.ownerRuns, known)
}

func TestRunsOfAnIndex(t *testing.T) {
	good, err := appendRun([]format.Run{run("10.0.0.1", "10.0.0.2")}, format.AddrKey(addr("10.0.0.4")), format.AddrKey(addr("10.0.0.4")))
	require.NoError(t, err)
	require.Equal(t, []format.Run{run("10.0.0.1", "10.0.0.2"), run("10.0.0.4", "10.0.0.4")}, good)
	for _, bad := range []struct{ first, last string }{
		{"10.0.0.2", "10.0.0.9"}, // overlaps
		{"10.0.0.3", "10.0.0.9"}, // touches
		{"10.0.0.5", "10.0.0.4"}, // ends before it begins
		{"10.0.0.5", "fd00::1"},  // of two families
	} {
		_, err := appendRun([]format.Run{run("10.0.0.1", "10.0.0.2")}, format.AddrKey(addr(bad.first)), format.AddrKey(addr(bad.last)))
		require.ErrorContains(t, err, bad.first)
	}
	_, err = appendRun(nil, []byte("x"), format.AddrKey(addr("10.0.0.4")))
	require.Error(t, err)
	_, err = appendRun(nil, format.AddrKey(addr("10.0.0.4")), nil)
	require.Error(t, err)
}

// Damage can give two entries of the owners index the same address.
func TestRunsOfRepeatedAddresses(t *testing.T) {
	a, b := addr("10.0.0.1"), addr("10.0.0.2")
	require.Equal(t, []format.Run{{First: a, Last: b}}, runsOf([]netip.Addr{a, a, b, b}))
}

func TestSubtractRuns(t *testing.T) {
	set := func(t *rapid.T, name string) (in [256]bool, runs []format.Run) {
		for i := range in {
			in[i] = rapid.IntRange(0, 3).Draw(t, name) > 0
		}
		return in, runsOf(addrsOf(in))
	}
	rapid.Check(t, func(t *rapid.T) {
		a, runs := set(t, "runs")
		b, others := set(t, "others")
		var want [256]bool
		for i := range want {
			want[i] = a[i] && !b[i]
		}
		got := subtractRuns(runs, others)
		var all []netip.Addr
		for _, r := range got {
			for at := r.First; at.IsValid() && at.Compare(r.Last) <= 0; at = at.Next() {
				all = append(all, at)
			}
		}
		require.Equal(t, addrsOf(want), all)
	})
}

// addrsOf returns the addresses of a set, which ends with the last address there is.
func addrsOf(in [256]bool) (addrs []netip.Addr) {
	for i, ok := range in {
		if ok {
			addrs = append(addrs, netip.AddrFrom4([4]byte{255, 255, 255, byte(i)}))
		}
	}
	return addrs
}

// An entry that cannot be read was a lease, even if both indices have lost it.
func TestUnreadableLeaseIsMissing(t *testing.T) {
	one := []format.Run{run("10.0.0.1", "10.0.0.1")}
	v := &salvager{indices: indices{current: true, owners: []string{""}, ownerRuns: one, runs: one}}
	v.unreadable = []netip.Addr{addr("10.0.0.9"), addr("10.0.0.8"), addr("10.0.0.8")}
	v.leasesFaults.Add(errors.New("two entries are broken"))
	v.reportMissing([]format.Run{run("10.0.0.1", "10.0.0.1"), run("10.0.0.9", "10.0.0.9")})
	require.Equal(t, [][2]netip.Addr{{addr("10.0.0.8"), addr("10.0.0.8")}}, v.Missing)
	require.False(t, v.Unsure)
}

// An index that lacks an address known from elsewhere may lack others.
func TestIndexThatLacksAnAddressIsUnsure(t *testing.T) {
	seven, both := []format.Run{run("10.0.0.7", "10.0.0.7")}, []format.Run{run("10.0.0.7", "10.0.0.8")}
	reached := map[netip.Addr]candidate{addr("10.0.0.8"): {Lease: leaseOf("10.0.0.8", "a", 1), inTree: true}}
	owners := []string{""}
	for i, c := range []struct {
		x          indices
		candidates map[netip.Addr]candidate
		broken     string
		unsure     bool
	}{
		{x: indices{owners: owners, ownerRuns: both, runs: both}},
		{x: indices{owners: owners, ownerRuns: both, runs: both}, candidates: reached},
		{x: indices{owners: owners, ownerRuns: seven, runs: seven}, broken: "10.0.0.8"},
		{x: indices{owners: owners, ownerRuns: seven, runs: seven}, candidates: reached, unsure: true},
		{x: indices{owners: owners, ownerRuns: seven, runs: both}, unsure: true},
		{x: indices{owners: owners, ownerRuns: both, runs: seven}, unsure: true},
		{x: indices{owners: []string{}, runs: []format.Run{}}, unsure: true},
		{x: indices{owners: owners, ownerRuns: both}, unsure: true},
		{x: indices{runs: both}, unsure: true},
		{x: indices{}, unsure: true},
	} {
		v := &salvager{indices: c.x, candidates: c.candidates}
		v.current = true
		if c.broken != "" {
			v.unreadable = []netip.Addr{addr(c.broken)}
		}
		v.leasesFaults.Add(errors.New("a page is lost"))
		v.reportMissing(nil)
		require.Equal(t, c.unsure, v.Unsure, "case %d", i)
		sound := &salvager{indices: c.x, candidates: c.candidates}
		sound.current = true
		sound.reportMissing(nil)
		require.Equal(t, c.x.owners == nil && c.x.runs == nil, sound.Unsure, "case %d, with all leases read", i)
	}
}
