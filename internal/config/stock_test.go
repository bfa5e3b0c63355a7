package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The tests in interop run the stock plugin to check that it rejects these.
func TestRefusedByStock(t *testing.T) {
	for ipam, want := range map[string]string{
		`"subnet": "10.1.2.0/24", "gateway": "10.9.9.9"`:                                       "ipam.gateway \"10.9.9.9\" is outside the subnet 10.1.2.0/24; use a gateway in the subnet",
		`"subnet": "10.1.2.0/24", "gateway": "fe80::1"`:                                        "ipam.gateway \"fe80::1\" is outside the subnet 10.1.2.0/24",
		`"ranges": [[{"subnet": "fd01::/64"}, {"subnet": "fd00::/64", "gateway": "fe80::1"}]]`: "ipam.ranges[0][1].gateway \"fe80::1\" is outside the subnet fd00::/64",
		`"subnet": "10.1.2.0/24", "gateway": "none"`:                                           "ipam.gateway is \"none\", which it does not support",
		`"subnet": "10.1.2.7/32"`:                                                              "ipam.subnet 10.1.2.7/32 is too small for it",
		`"ranges": [[{"subnet": "fd00::6/127"}]]`:                                              "ipam.ranges[0][0].subnet fd00::6/127 is too small for it",
		`"subnet": "10.1.2.7/24", "range-start": "10.1.2.9"`:                                   "ipam.subnet 10.1.2.7/24 has host bits set; write 10.1.2.0/24 before",
	} {
		stdin := []byte(`{"name": "net", "ipam": {` + ipam + `}}`)
		_, err := Parse(stdin, "")
		require.NoError(t, err)
		got := RefusedByStock(stdin)
		require.Len(t, got, 1, ipam)
		require.ErrorIs(t, got[0], ErrInvalid)
		require.ErrorContains(t, got[0], "stock host-local v1.10.0 rejects this network, even in a DEL: "+want)
	}
}

func TestRefusedByStockIsEmpty(t *testing.T) {
	for _, stdin := range []string{
		"", "{", "[]", `{"ipam": 5}`, `{"ipam": null}`, `{"name": "net"}`,
		`{"name": "net", "ipam": {"subnet": "x", "gateway": "10.9.9.9"}}`, // rejected by Parse
		`{"name": "net", "ipam": {"subnet": "10.1.2.7/24"}}`,
		`{"name": "net", "ipam": {"subnet": "10.1.2.0/24", "gateway": "10.1.2.250", "rangeEnd": "10.1.2.9"}}`,
		`{"name": "net", "ipam": {"subnet": "10.1.2.0/24", "gateway": "::ffff:10.1.2.9"}}`,
		`{"name": "net", "ipam": {"gateway": "10.9.9.9", "ranges": [[{"subnet": "10.1.2.0/30"}]]}}`,
	} {
		require.Empty(t, RefusedByStock([]byte(stdin)), stdin)
	}
	both := `{"name": "net", "runtimeConfig": {"ipRanges": [[{"subnet": "10.1.2.0/31"}]]}, "ipam": {"subnet": "10.1.3.0/32"}}`
	require.Len(t, RefusedByStock([]byte(both)), 2)
}
