//go:build linux

package powercut

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest"
)

func addrs(text ...string) (all []netip.Addr) {
	for _, t := range text {
		all = append(all, netip.MustParseAddr(t))
	}
	return all
}

// A store remembers each lease whose release was acknowledged, once, and none that is held.
func TestPromisesOfMemory(t *testing.T) {
	two := addrs("10.0.0.2", "fd00::2")
	of := []string{"a"}
	here, has, ending, ended := moved{"bolt"}, leased{"a", two}, releasing{of}, released{of}
	nothing, held := faulttest.Holding(nil), faulttest.Holding{"a": two}
	for _, c := range []struct {
		name    string
		events  []event
		holds   faulttest.Holding
		ended   int
		cooling []netip.Addr
		wrong   string // "" if nothing is wrong
	}{
		{"before DEL", []event{here, has}, held, 0, nil, ""},
		{"during DEL", []event{here, has, ending}, held, 0, nil, ""},
		{"during DEL: recorded, and held", []event{here, has, ending}, held, 2, nil, "history has 2"},
		{"during DEL: recorded", []event{here, has, ending}, nothing, 2, two, ""},
		{"during DEL, killed before", []event{here, has, ending, ending}, nothing, 2, two, ""},
		{"during DEL, killed before: recorded twice", []event{here, has, ending, ending}, nothing, 4, two, "history has 4"},
		{"after DEL", []event{here, has, ending, ended}, nothing, 2, two, ""},
		{"after DEL: half recorded", []event{here, has, ending, ended}, nothing, 1, two, "history has 1"},
		{"after DEL: not recorded", []event{here, has, ending, ended}, nothing, 0, two, "history has 0"},
		{"after DEL: warm", []event{here, has, ending, ended}, nothing, 2, two[:1], "does not cool"},
		{"after DEL of what a killed ADD has left", []event{here, asked{"a"}, ending, ended}, nothing, 0, nil, ""},
		{"after DEL, during ADD", []event{here, has, ending, ended, asked{"b"}}, nothing, 2, nil, ""},
		{"leased again", []event{here, has, ending, ended, asked{"a"}, has}, held, 2, nil, ""},
		{"during a migration to files", []event{here, has, ending, ended, moving{"files"}}, nothing, 0, nil, ""},
		{"in files", []event{moved{"files"}, has, ending, ended, moved{"bolt"}}, nothing, 0, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &faulttest.Memory{Ended: map[string]int{"a": c.ended}, Cooling: c.cooling}
			n := faulttest.Network{Dual: true}.With("reuseAfter", "1h")
			err := after(t, c.events...).promises.checkMemory(m, c.holds, n)
			if c.wrong == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.wrong)
			}
		})
	}
}

func TestPromises(t *testing.T) {
	two, three := addrs("10.0.0.2", "fd00::2"), addrs("10.0.0.3", "fd00::3")
	has := leased{"a", two}
	for _, c := range []struct {
		name   string
		events []event
		holds  faulttest.Holding
		kind   string
		wrong  string // "" if nothing is wrong
	}{
		{"during ADD: nothing held", []event{asked{"a"}}, nil, "", ""},
		{"during ADD: something held", []event{asked{"a"}}, faulttest.Holding{"a": two}, "", ""},
		{"after ADD: held", []event{asked{"a"}, has}, faulttest.Holding{"a": two}, "", ""},
		{"after ADD: nothing held", []event{asked{"a"}, has}, nil, "", "promised"},
		{"after ADD: something else held", []event{asked{"a"}, has}, faulttest.Holding{"a": three}, "", "promised"},
		{"after ADD: addresses in any order", []event{leased{"a", addrs("fd00::2", "10.0.0.2")}}, faulttest.Holding{"a": two}, "", ""},
		{"during DEL: held", []event{has, releasing{[]string{"a"}}}, faulttest.Holding{"a": two}, "", ""},
		{"during DEL: not held", []event{has, releasing{[]string{"a"}}}, nil, "", ""},
		{"during DEL: something else held", []event{has, releasing{[]string{"a"}}}, faulttest.Holding{"a": three}, "", "was promised"},
		{"after DEL: held", []event{has, released{[]string{"a"}}}, faulttest.Holding{"a": two}, "", "been released"},
		{"never added: held", []event{has}, faulttest.Holding{"a": two, "b": three}, "", "never promised"},
		{"killed ADD, during DEL: held", []event{asked{"a"}, releasing{[]string{"a"}}}, faulttest.Holding{"a": two}, "", ""},
		{"during creation: store exists", []event{moving{"bolt"}}, nil, "bolt", ""},
		{"during creation: no store yet", []event{moving{"bolt"}}, nil, "", ""},
		{"after creation: no store", []event{moving{"bolt"}, moved{"bolt"}}, nil, "", "kind"},
		{"after creation: other store", []event{moved{"bolt"}}, nil, "files", "kind"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := after(t, c.events...).promises.check(c.kind, c.holds)
			if c.wrong == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.wrong)
			}
		})
	}
}
