package bolt

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
)

func leaseOf(a, id string, since int64) backend.Lease {
	return backend.Lease{Addr: addr(a), Owner: backend.Owner{ContainerID: id}, Since: time.Unix(since, 0)}
}

// A lease is gone if all say so who can be heard; where nobody can be, it is not.
func TestWhoSaysThatALeaseIsGone(t *testing.T) {
	l := leaseOf("10.0.0.7", "a", 1)
	const page = 5
	for n := range 27 { // each of three: not heard, says that it is gone, says that it is not
		votes := [3]int{n % 3, n / 3 % 3, n / 9}
		e := evidence{current: true, pageSize: 4096, end: 9}
		switch votes[0] {
		case 1:
			e.runs = []run{{addr("10.0.0.1"), addr("10.0.0.6")}, {addr("10.0.0.8"), addr("10.0.0.9")}}
		case 2:
			e.runs = []run{{addr("10.0.0.1"), addr("10.0.0.3")}, {addr("10.0.0.5"), addr("10.0.0.7")}}
		}
		switch votes[1] {
		case 1:
			e.owners = []string{string(ownerKey("b", l.Addr))}
		case 2:
			e.owners = []string{string(ownerKey("a", l.Addr))}
		}
		if votes[2] > 0 {
			e.free = newBitmap(9)
		}
		if votes[2] == 1 {
			e.free.set(page)
		}
		heard := max(votes[0], votes[1], votes[2])
		require.Equal(t, heard == 1, e.gone(page*4096+17, l), fmt.Sprint(votes))
		e.current = false
		require.False(t, e.gone(page*4096+17, l), "%v, but of an earlier transaction", votes)
	}
	require.True(t, (&evidence{current: true, pageSize: 4096, end: 5, free: newBitmap(5)}).gone(page*4096, l), "behind the end")
}

func TestWhichOfTwoLeasesIsThePresentOne(t *testing.T) {
	v := &salvager{evidence: evidence{current: true, owners: []string{string(ownerKey("a", addr("10.0.0.7")))}}}
	of := func(id string, since int64, inUse, reached bool) find {
		return find{Lease: leaseOf("10.0.0.7", id, since), inUse: inUse, reached: reached}
	}
	ascending := []find{
		of("b", 1, false, false), of("b", 2, false, false), of("b", 1, true, false), of("b", 1, true, true),
		of("a", 1, false, false), of("a", 1, true, false),
	}
	for i, a := range ascending {
		for j, b := range ascending {
			require.Equal(t, i > j, v.better(a, b), "%d, %d", i, j)
		}
	}
	v.current = false
	require.True(t, v.better(of("b", 2, false, false), of("a", 1, true, true)), "the latest")
}

func TestWhatIsDoubtful(t *testing.T) {
	reached := find{Lease: leaseOf("10.0.0.7", "a", 1), reached: true}
	stray := find{Lease: leaseOf("10.0.0.7", "a", 1)}
	for _, c := range []struct {
		e              evidence
		reached, stray bool
	}{
		{evidence{}, false, true},
		{evidence{owners: []string{string(ownerKey("a", addr("10.0.0.7")))}}, false, false},
		{evidence{owners: []string{}}, true, true},
		{evidence{owners: []string{}, runs: []run{{addr("10.0.0.7"), addr("10.0.0.7")}}}, false, true},
	} {
		v := &salvager{evidence: c.e}
		require.Equal(t, c.reached, v.doubtful(reached))
		require.Equal(t, c.stray, v.doubtful(stray))
	}
}

// If the index of owners can be heard, nothing is complete that it does not agree with.
func TestWhenASalvageIsComplete(t *testing.T) {
	v := &salvager{finds: make(map[netip.Addr]find)}
	for _, a := range []string{"10.0.0.7", "10.0.0.8"} {
		l := leaseOf(a, "a", 1)
		v.finds[l.Addr] = find{Lease: l, reached: true}
	}
	seven, eight := string(ownerKey("a", addr("10.0.0.7"))), string(ownerKey("a", addr("10.0.0.8")))
	other, more := string(ownerKey("b", addr("10.0.0.8"))), string(ownerKey("a", addr("10.0.0.9")))
	both := []run{{addr("10.0.0.7"), addr("10.0.0.8")}}
	for i, c := range []struct {
		e    evidence
		want bool
	}{
		{evidence{current: true}, false},
		{evidence{current: true, runs: both}, true},
		{evidence{current: true, runs: []run{}}, false},
		{evidence{current: true, owners: []string{seven, eight}}, true},
		{evidence{current: true, owners: []string{seven, other}, runs: both}, false},
		{evidence{current: true, owners: []string{seven}, runs: both}, false},
		{evidence{current: true, owners: []string{seven, eight, more}, runs: both}, false},
		{evidence{owners: []string{seven, eight}, runs: both}, false},
	} {
		slices.Sort(c.e.owners)
		v.evidence = c.e
		require.Equal(t, c.want, v.complete(), "case %d", i)
	}
	v.faults.add(errors.New("a page is lost"))
	require.False(t, v.complete())
}

// Whichever index has an address, it is leased, unless the runs go on for ever.
func TestTheIndicesAreHeardTogether(t *testing.T) {
	e := evidence{
		runs:      []run{{addr("10.0.0.1"), addr("10.0.0.9")}, {addr("fd00::1"), addr("fd00::1")}},
		owners:    []string{},
		ownerRuns: []run{{addr("10.0.0.1"), addr("10.0.0.3")}, {addr("10.0.0.8"), addr("10.0.0.12")}},
	}
	known, ok := e.known()
	require.True(t, ok)
	require.Equal(t, []run{
		{addr("10.0.0.1"), addr("10.0.0.3")}, {addr("10.0.0.4"), addr("10.0.0.7")},
		{addr("10.0.0.8"), addr("10.0.0.12")}, {addr("fd00::1"), addr("fd00::1")},
	}, known)
	e.runs[1].last = addr("fd00::1:0")
	known, ok = e.known()
	require.True(t, ok)
	require.Equal(t, e.ownerRuns, known)
}

func TestRunsOfAnIndex(t *testing.T) {
	good, err := appendRun([]run{{addr("10.0.0.1"), addr("10.0.0.2")}}, addrKey(addr("10.0.0.4")), addrKey(addr("10.0.0.4")))
	require.NoError(t, err)
	require.Equal(t, []run{{addr("10.0.0.1"), addr("10.0.0.2")}, {addr("10.0.0.4"), addr("10.0.0.4")}}, good)
	for _, bad := range []struct{ first, last string }{
		{"10.0.0.2", "10.0.0.9"}, // overlaps
		{"10.0.0.3", "10.0.0.9"}, // touches
		{"10.0.0.5", "10.0.0.4"}, // ends before it begins
		{"10.0.0.5", "fd00::1"},  // of two families
	} {
		_, err := appendRun([]run{{addr("10.0.0.1"), addr("10.0.0.2")}}, addrKey(addr(bad.first)), addrKey(addr(bad.last)))
		require.ErrorContains(t, err, bad.first)
	}
	_, err = appendRun(nil, []byte("x"), addrKey(addr("10.0.0.4")))
	require.Error(t, err)
	_, err = appendRun(nil, addrKey(addr("10.0.0.4")), nil)
	require.Error(t, err)
}

// Damage can make two entries of owners those of one address.
func TestRunsOfRepeatedAddresses(t *testing.T) {
	a, b := addr("10.0.0.1"), addr("10.0.0.2")
	require.Equal(t, []run{{a, b}}, runsOf([]netip.Addr{a, a, b, b}))
}

func TestRunsWithoutOthers(t *testing.T) {
	set := func(t *rapid.T, name string) (in [256]bool, runs []run) {
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
		got := without(runs, others)
		var all []netip.Addr
		for _, r := range got {
			for at := r.first; at.IsValid() && at.Compare(r.last) <= 0; at = at.Next() {
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

// An entry that cannot be read was that of a lease, though both indices have lost it.
func TestWhatCannotBeReadIsMissing(t *testing.T) {
	one := []run{{addr("10.0.0.1"), addr("10.0.0.1")}}
	v := &salvager{evidence: evidence{current: true, owners: []string{""}, ownerRuns: one, runs: one}}
	v.broken = []netip.Addr{addr("10.0.0.9"), addr("10.0.0.8"), addr("10.0.0.8")}
	v.faults.add(errors.New("two entries are broken"))
	v.loseLeases([]run{{addr("10.0.0.1"), addr("10.0.0.1")}, {addr("10.0.0.9"), addr("10.0.0.9")}})
	require.Equal(t, [][2]netip.Addr{{addr("10.0.0.8"), addr("10.0.0.8")}}, v.Missing)
	require.False(t, v.Unsure)
}

// An index that lacks what is known from elsewhere is not believed when it lacks more.
func TestAnIndexThatHasLostSomethingIsNotSure(t *testing.T) {
	seven, both := []run{{addr("10.0.0.7"), addr("10.0.0.7")}}, []run{{addr("10.0.0.7"), addr("10.0.0.8")}}
	reached := map[netip.Addr]find{addr("10.0.0.8"): {Lease: leaseOf("10.0.0.8", "a", 1), reached: true}}
	owners := []string{""}
	for i, c := range []struct {
		e      evidence
		finds  map[netip.Addr]find
		broken string
		unsure bool
	}{
		{e: evidence{owners: owners, ownerRuns: both, runs: both}},
		{e: evidence{owners: owners, ownerRuns: both, runs: both}, finds: reached},
		{e: evidence{owners: owners, ownerRuns: seven, runs: seven}, broken: "10.0.0.8"},
		{e: evidence{owners: owners, ownerRuns: seven, runs: seven}, finds: reached, unsure: true},
		{e: evidence{owners: owners, ownerRuns: seven, runs: both}, unsure: true},
		{e: evidence{owners: owners, ownerRuns: both, runs: seven}, unsure: true},
		{e: evidence{owners: []string{}, runs: []run{}}, unsure: true},
		{e: evidence{owners: owners, ownerRuns: both}, unsure: true},
		{e: evidence{runs: both}, unsure: true},
		{e: evidence{}, unsure: true},
	} {
		v := &salvager{evidence: c.e, finds: c.finds}
		v.current = true
		if c.broken != "" {
			v.broken = []netip.Addr{addr(c.broken)}
		}
		v.faults.add(errors.New("a page is lost"))
		v.loseLeases(nil)
		require.Equal(t, c.unsure, v.Unsure, "case %d", i)
		sound := &salvager{evidence: c.e, finds: c.finds}
		sound.current = true
		sound.loseLeases(nil)
		require.Equal(t, c.e.owners == nil && c.e.runs == nil, sound.Unsure, "case %d, with all leases read", i)
	}
}
