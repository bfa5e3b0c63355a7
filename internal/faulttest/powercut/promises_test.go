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
