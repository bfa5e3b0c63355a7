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
		wrong  string // empty: nothing
	}{
		{"who asks holds nothing", []event{asked{"a"}}, nil, "", ""},
		{"or something", []event{asked{"a"}}, faulttest.Holding{"a": two}, "", ""},
		{"who was told holds it", []event{asked{"a"}, has}, faulttest.Holding{"a": two}, "", ""},
		{"and not nothing", []event{asked{"a"}, has}, nil, "", "promised"},
		{"nor something else", []event{asked{"a"}, has}, faulttest.Holding{"a": three}, "", "promised"},
		{"in order", []event{leased{"a", addrs("fd00::2", "10.0.0.2")}}, faulttest.Holding{"a": two}, "", ""},
		{"who is about to go may hold it", []event{has, releasing{[]string{"a"}}}, faulttest.Holding{"a": two}, "", ""},
		{"or not", []event{has, releasing{[]string{"a"}}}, nil, "", ""},
		{"but nothing else", []event{has, releasing{[]string{"a"}}}, faulttest.Holding{"a": three}, "", "was promised"},
		{"who is gone holds nothing", []event{has, released{[]string{"a"}}}, faulttest.Holding{"a": two}, "", "has released"},
		{"who never came holds nothing", []event{has}, faulttest.Holding{"a": two, "b": three}, "", "never promised"},
		{"who was killed holds it until released", []event{asked{"a"}, releasing{[]string{"a"}}}, faulttest.Holding{"a": two}, "", ""},
		{"a store may come", []event{moving{"bolt"}}, nil, "bolt", ""},
		{"or not yet", []event{moving{"bolt"}}, nil, "", ""},
		{"a store has come", []event{moving{"bolt"}, moved{"bolt"}}, nil, "", "kind"},
		{"and no other", []event{moved{"bolt"}}, nil, "files", "kind"},
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
