package config_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
)

func TestPrevResult(t *testing.T) {
	for stdin, want := range map[string][]netip.Addr{
		`{}`:                                 nil,
		`{"prevResult": null}`:               nil,
		`{"prevResult": {"interfaces": []}}`: nil,
		`{"prevResult": {"cniVersion": "1.0.0", "ips": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1", "interface": 2}, {"address": "fd00::3/64"}]}}`: addrs("10.1.2.3", "fd00::3"),
		`{"prevResult": {"cniVersion": "0.3.1", "ips": [{"version": "4", "address": "10.1.2.3/24"}], "dns": {}}}`:                                        addrs("10.1.2.3"),
		`{"prevResult": {"ip4": {"ip": "10.1.2.3/24", "gateway": "10.1.2.1", "routes": []}, "ip6": {"ip": "fd00::3/64"}}}`:                               addrs("10.1.2.3", "fd00::3"),
		`{"prevResult": {"ip4": null, "ip6": {"ip": "fd00::3/64"}}}`:                                                                                     addrs("fd00::3"),
	} {
		got, err := config.ParsePrevResult([]byte(stdin))
		require.NoError(t, err, stdin)
		require.Equal(t, want, got, stdin)
	}
}

func TestPrevResultRejected(t *testing.T) {
	for stdin, value := range map[string]string{
		`{"prevResult": {"ips": [{"address": "10.1.2.3/24"}, {"address": "x"}]}}`: `"x"`,
		`{"prevResult": {"ips": [{}]}}`:                                           `""`,
		`{"prevResult": {"ip4": {}}}`:                                             `""`,
	} {
		_, err := config.ParsePrevResult([]byte(stdin))
		rejected(t, err, config.ErrInvalid, "prevResult: "+value+" is not an address")
	}
	_, err := config.ParsePrevResult([]byte(`{"prevResult": {"ips": {}}}`))
	rejected(t, err, config.ErrDecode, "error unmarshall network config: prevResult.ips is of JSON type object, want array")
}

// An ADD in a chain must not fail because of another plugin's result.
func TestParseIgnoresPrevResult(t *testing.T) {
	parse(t, with(`"prevResult": {"ips": "rubbish"}`))
}
