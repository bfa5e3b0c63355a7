package config_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
)

// rejected checks that err is of the given kind and begins with text.
func rejected(t *testing.T, err, kind error, text string) {
	t.Helper()
	require.ErrorIs(t, err, kind)
	var e *config.Error
	require.True(t, errors.As(err, &e))
	require.Equal(t, text, e.Text)
	require.NotEmpty(t, e.Advice)
	require.Equal(t, e.Text+"; "+e.Advice, err.Error())
}

func TestUndecodable(t *testing.T) {
	for stdin, text := range map[string]string{
		``:                                               "unexpected end of JSON input",
		`{"name": "net",`:                                "unexpected end of JSON input",
		`{"name": "net"} x`:                              "invalid character 'x' after top-level value",
		`[]`:                                             "the configuration is of JSON type array, want object",
		`{"name": 5, "ipam": {}}`:                        "name is of JSON type number, want string",
		`{"cniVersion": ["1.0.0"]}`:                      "cniVersion is of JSON type array, want string",
		`{"name": "net", "ipam": []}`:                    "ipam is of JSON type array, want object",
		conf(`"name": 5`):                                "ipam.name is of JSON type number, want string",
		`{"name": "net", "ipam": {"type": 5}}`:           "ipam.type is of JSON type number, want string",
		conf(`"subnet": 5`):                              "ipam.subnet is of JSON type number, want string",
		conf(`"rangeStart": 5`):                          "ipam.rangeStart is of JSON type number, want string",
		conf(`"rangeEnd": {}`):                           "ipam.rangeEnd is of JSON type object, want string",
		conf(`"range-start": true`):                      "ipam.range-start is of JSON type bool, want string",
		conf(`"range-end": []`):                          "ipam.range-end is of JSON type array, want string",
		conf(`"gateway": false`):                         "ipam.gateway is of JSON type bool, want string",
		conf(`"exclude": "10.1.2.3"`):                    "ipam.exclude is of JSON type string, want array",
		conf(`"exclude": [7]`):                           "ipam.exclude is of JSON type number, want string",
		conf(`"ranges": {}`):                             "ipam.ranges is of JSON type object, want array",
		conf(`"ranges": [{"subnet": "10.1.2.0/24"}]`):    "a range set in ipam.ranges is of JSON type object, want array",
		conf(`"ranges": [["10.1.2.0/24"]]`):              "ipam.ranges is of JSON type string, want object",
		conf(`"ranges": [[{"subnet": []}]]`):             "ipam.ranges.subnet is of JSON type array, want string",
		conf(`"dataDir": 1`):                             "ipam.dataDir is of JSON type number, want string",
		conf(`"backend": 1`):                             "ipam.backend is of JSON type number, want string",
		conf(`"lockTimeout": 30`):                        "ipam.lockTimeout is of JSON type number, want string",
		conf(`"onDuplicate": true`):                      "ipam.onDuplicate is of JSON type bool, want string",
		conf(`"onReboot": true`):                         "ipam.onReboot is of JSON type bool, want string",
		conf(`"exhaustedStatus": true`):                  "ipam.exhaustedStatus is of JSON type bool, want string",
		conf(`"subnet": "10.1.2.0/24", "history": true`): "ipam.history is of JSON type bool, want object",
		conf(`"subnet": "10.1.2.0/24", "history": 100`):  "ipam.history is of JSON type number, want object",
		conf(`"subnet": "10.1.2.0/24", "history": {"keep": "9"}`):                         "ipam.history.keep is of JSON type string, want integer",
		conf(`"subnet": "10.1.2.0/24", "history": {"for": 30}`):                           "ipam.history.for is of JSON type number, want string",
		conf(`"resolvConf": []`):                                                          "ipam.resolvConf is of JSON type array, want string",
		conf(`"routes": {"dst": "0.0.0.0/0"}`):                                            "ipam.routes is of JSON type object, want array",
		with(`"args": "x"`):                                                               "args is of JSON type string, want object",
		with(`"args": {"cni": {"ips": "10.1.2.3"}}`):                                      "args.cni.ips is of JSON type string, want array",
		with(`"runtimeConfig": {"ips": [3]}`):                                             "runtimeConfig.ips is of JSON type number, want string",
		with(`"runtimeConfig": {"ipRanges": [{}]}`):                                       "a range set in runtimeConfig.ipRanges is of JSON type object, want array",
		conf(`"subnet": "10.1.2.0/24", "routes": [{"dst": "10.0.0.0/8"}, {"dst": 5}]`):    "ipam.routes[1].dst is of JSON type number, want string",
		conf(`"subnet": "10.1.2.0/24", "routes": ["10.0.0.0/8"]`):                         "ipam.routes[0] is of JSON type string, want object",
		conf(`"subnet": "10.1.2.0/24", "routes": [{"dst": "10.0.0.0/8", "gw": 1}]`):       "ipam.routes[0].gw is of JSON type number, want string",
		conf(`"subnet": "10.1.2.0/24", "routes": [{"dst": "10.0.0.0/8", "mtu": "1400"}]`): "ipam.routes[0].mtu is of JSON type string, want integer",
		conf(`"subnet": "10.1.2.0/24", "routes": [{"dst": "10.0.0.0/8", "table": 1.5}]`):  "ipam.routes[0].table is of JSON type number 1.5, want integer",
	} {
		_, err := config.Parse([]byte(stdin), "")
		rejected(t, err, config.ErrDecode, "error unmarshall network config: "+text)
	}
}

func TestInvalid(t *testing.T) {
	const subnet = `"subnet": "10.1.2.0/24", `
	for stdin, text := range map[string]string{
		`{}`:                                          "missing network name",
		`null`:                                        "missing network name",
		`{"name": "", "ipam": {}}`:                    "missing network name",
		`{"name": "..", "ipam": {}}`:                  `invalid characters found in network name ".."`,
		`{"name": "-a", "ipam": {}}`:                  `invalid characters found in network name "-a"`,
		`{"name": "a/b", "ipam": {}}`:                 `invalid characters found in network name "a/b"`,
		`{"name": "a b", "ipam": {}}`:                 `invalid characters found in network name "a b"`,
		`{"name": "a\n", "ipam": {}}`:                 `invalid characters found in network name "a\n"`,
		`{"name": "é", "ipam": {}}`:                   `invalid characters found in network name "é"`,
		`{"name": "net"}`:                             "IPAM config missing 'ipam' key",
		`{"name": "net", "ipam": null}`:               "IPAM config missing 'ipam' key",
		conf(`"ranges": []`):                          "no IP ranges specified",
		conf(`"rangeStart": "10.1.2.3"`):              "no IP ranges specified",
		conf(`"ranges": [[]]`):                        "invalid range set 0: empty range set",
		conf(subnet + `"ranges": [null]`):             "invalid range set 1: empty range set",
		conf(`"ranges": [[null]]`):                    "invalid range set 0: subnet is not set",
		conf(`"ranges": [[{"gateway": "10.1.2.3"}]]`): "invalid range set 0: subnet is not set",

		conf(`"subnet": null`):                                           "invalid CIDR address:  (ipam.subnet)",
		conf(`"subnet": "10.1.2.0/24", "subnet": null`):                  "invalid CIDR address:  (ipam.subnet)",
		conf(`"subnet": ""`):                                             "invalid CIDR address:  (ipam.subnet)",
		conf(`"subnet": "10.1.2.0"`):                                     "invalid CIDR address: 10.1.2.0 (ipam.subnet)",
		conf(`"subnet": "10.1.2.0/"`):                                    "invalid CIDR address: 10.1.2.0/ (ipam.subnet)",
		conf(`"subnet": "10.1.2.0/33"`):                                  "invalid CIDR address: 10.1.2.0/33 (ipam.subnet)",
		conf(`"subnet": "10.1.2.0/+24"`):                                 "invalid CIDR address: 10.1.2.0/+24 (ipam.subnet)",
		conf(`"subnet": "10.1.2.0/24/24"`):                               "invalid CIDR address: 10.1.2.0/24/24 (ipam.subnet)",
		conf(`"subnet": " 10.1.2.0/24"`):                                 "invalid CIDR address:  10.1.2.0/24 (ipam.subnet)",
		conf(`"subnet": "010.1.2.0/24"`):                                 "invalid CIDR address: 010.1.2.0/24 (ipam.subnet)",
		conf(`"subnet": "10.1.2/24"`):                                    "invalid CIDR address: 10.1.2/24 (ipam.subnet)",
		conf(`"subnet": "fe80::%eth0/64"`):                               "invalid CIDR address: fe80::%eth0/64 (ipam.subnet)",
		conf(`"subnet": "fd00::/129"`):                                   "invalid CIDR address: fd00::/129 (ipam.subnet)",
		conf(`"subnet": "::ffff:10.1.2.0/120"`):                          "invalid range set 0: IPNet IP and Mask version mismatch: ::ffff:10.1.2.0/120 is an IPv4 network in IPv6 form",
		conf(`"ranges": [[{"subnet": "10.1.2.0/24"}, {"subnet": "x"}]]`): "invalid CIDR address: x (ipam.ranges[0][1].subnet)",
		with(`"runtimeConfig": {"ipRanges": [[{"subnet": "x"}]]}`):       "invalid CIDR address: x (runtimeConfig.ipRanges[0][0].subnet)",

		conf(subnet + `"rangeStart": "10.1.2"`):                          "invalid IP address: 10.1.2 (ipam.rangeStart)",
		conf(subnet + `"rangeEnd": "10.1.2.09"`):                         "invalid IP address: 10.1.2.09 (ipam.rangeEnd)",
		conf(subnet + `"range-start": "10.1.2.9/24"`):                    "invalid IP address: 10.1.2.9/24 (ipam.range-start)",
		conf(subnet + `"range-end": "x"`):                                "invalid IP address: x (ipam.range-end)",
		conf(subnet + `"gateway": "fe80::1%eth0"`):                       "invalid IP address: fe80::1%eth0 (ipam.gateway)",
		conf(subnet + `"gateway": "None"`):                               "invalid IP address: None (ipam.gateway)",
		conf(`"gateway": "x", "ranges": [[{"subnet": "10.1.2.0/24"}]]`):  "invalid IP address: x (ipam.gateway)",
		conf(`"ranges": [[{"subnet": "10.1.2.0/24", "rangeEnd": "y"}]]`): "invalid IP address: y (ipam.ranges[0][0].rangeEnd)",

		conf(`"subnet": "10.1.2.7/24"`):                                                         "invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 10.1.2.0",
		conf(`"subnet": "10.1.2.7/24", "rangeStart": "10.1.2.9"`):                               "invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 10.1.2.0",
		conf(`"subnet": "10.1.2.7/24", "range-start": ""`):                                      "invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 10.1.2.0",
		conf(subnet + `"rangeStart": "10.1.3.1"`):                                               "invalid range set 0: RangeStart 10.1.3.1 not in network 10.1.2.0/24",
		conf(subnet + `"rangeStart": "fd00::1"`):                                                "invalid range set 0: RangeStart fd00::1 not in network 10.1.2.0/24",
		conf(subnet + `"rangeEnd": "10.1.3.1"`):                                                 "invalid range set 0: RangeEnd 10.1.3.1 not in network 10.1.2.0/24",
		conf(`"ranges": [[{"subnet": "10.1.2.0/24"}, {"subnet": "fd00::/64"}]]`):                "invalid range set 0: mixed address families",
		conf(`"ranges": [[{"subnet": "10.1.2.0/24"}, {"subnet": "10.1.0.0/16"}]]`):              "invalid range set 0: subnets 10.1.2.1-10.1.2.254 and 10.1.0.1-10.1.255.254 overlap",
		conf(subnet + `"ranges": [[{"subnet": "10.2.0.0/16"}], [{"subnet": "10.1.2.128/25"}]]`): "range set 0 overlaps with 2: ipam has 10.1.2.1-10.1.2.254, ipam.ranges[1] has 10.1.2.129-10.1.2.254",

		conf(subnet + `"rangeStart": "10.1.2.9", "range-start": "10.1.2.9"`):                                `ipam has both range-start "10.1.2.9", range-end "" and rangeStart "10.1.2.9", rangeEnd ""`,
		conf(subnet + `"rangeStart": "10.1.2.9", "range-end": "10.1.2.12"`):                                 `ipam has both range-start "", range-end "10.1.2.12" and rangeStart "10.1.2.9", rangeEnd ""`,
		conf(`"ranges": [[{"subnet": "10.1.2.0/24", "range-start": "10.1.2.9", "rangeEnd": "10.1.2.12"}]]`): `ipam.ranges[0][0] has both range-start "10.1.2.9", range-end "" and rangeStart "", rangeEnd "10.1.2.12"`,

		conf(subnet + `"backend": "sqlite"`):                                 `ipam.backend: unknown value "sqlite"`,
		conf(subnet + `"backend": "Bolt"`):                                   `ipam.backend: unknown value "Bolt"`,
		conf(subnet + `"onDuplicate": "refuse"`):                             `ipam.onDuplicate: unknown value "refuse"`,
		conf(subnet + `"onReboot": "delete"`):                                `ipam.onReboot: unknown value "delete"`,
		conf(subnet + `"exhaustedStatus": "fail"`):                           `ipam.exhaustedStatus: unknown value "fail"`,
		conf(subnet + `"reuseAfter": "30"`):                                  `ipam.reuseAfter: "30" is not a duration`,
		conf(subnet + `"reuseAfter": "9999999h"`):                            `ipam.reuseAfter: "9999999h" is too large a duration`,
		conf(subnet + `"history": {"for": "999999d"}`):                       `ipam.history.for: "999999d" is too large a duration`,
		conf(subnet + `"lockTimeout": "9999999h"`):                           `ipam.lockTimeout: "9999999h" is too large a duration`,
		conf(subnet + `"lockTimeout": "-9999999h"`):                          `ipam.lockTimeout: "-9999999h" is not a positive duration`,
		conf(subnet + `"reuseAfter": "-1s"`):                                 `ipam.reuseAfter: "-1s" is not a duration`,
		conf(subnet + `"reuseAfterStrict": true`):                            `ipam.reuseAfterStrict: it needs ipam.reuseAfter`,
		conf(subnet + `"history": {"keep": -1}`):                             `ipam.history.keep: -1 is not from 0 to 10000000`,
		conf(subnet + `"history": {"keep": 10000001}`):                       `ipam.history.keep: 10000001 is not from 0 to 10000000`,
		conf(subnet + `"history": {"for": "30"}`):                            `ipam.history.for: "30" is not a positive duration`,
		conf(subnet + `"history": {"for": "-1h"}`):                           `ipam.history.for: "-1h" is not a positive duration`,
		conf(subnet + `"lockTimeout": "30"`):                                 `ipam.lockTimeout: "30" is not a positive duration`,
		conf(subnet + `"lockTimeout": "0s"`):                                 `ipam.lockTimeout: "0s" is not a positive duration`,
		conf(subnet + `"lockTimeout": "-1s"`):                                `ipam.lockTimeout: "-1s" is not a positive duration`,
		conf(subnet + `"space": "pods"`):                                     `ipam.space: it needs ipam.cluster`,
		conf(subnet + `"cluster": "dc1"`):                                    `ipam.cluster: a files store cannot be shared with other hosts, because nothing in it says which addresses this host holds`,
		conf(subnet + `"cluster": "dc1", "backend": "files"`):                `ipam.cluster: a files store cannot be shared with other hosts, because nothing in it says which addresses this host holds`,
		conf(subnet + `"cluster": "../x", "backend": "bolt"`):                `ipam.cluster: invalid characters in "../x"`,
		conf(subnet + `"cluster": "dc1", "space": "a/b", "backend": "bolt"`): `ipam.space: invalid characters in "a/b"`,
		conf(subnet + `"prefer": "node"`):                                    `ipam.prefer: unknown value "node"`,
		conf(subnet + `"prefer": "pod", "history": 0`):                       `ipam.prefer: it needs ipam.history, which is off`,

		conf(subnet + `"routes": [{"dst": "10.0.0.0/8"}, {"dst": "10.0.0.0"}]`): "invalid CIDR address: 10.0.0.0 (ipam.routes[1])",
		conf(subnet + `"routes": [{"dst": null}]`):                              "invalid CIDR address:  (ipam.routes[0])",
		conf(subnet + `"routes": [{"dst": "10.0.0.0/8", "gw": "x"}]`):           "invalid IP address: x (ipam.routes[0])",

		with(`"args": {"cni": {"ips": ["10.1.2.3", ""]}}`):    `cannot understand ip: invalid IP address "" (args.cni.ips[1])`,
		with(`"runtimeConfig": {"ips": [null]}`):              `cannot understand ip: invalid IP address "" (runtimeConfig.ips[0])`,
		with(`"runtimeConfig": {"ips": ["10.1.2.3/33"]}`):     `cannot understand ip: invalid IP address "10.1.2.3/33" (runtimeConfig.ips[0])`,
		with(`"runtimeConfig": {"ips": ["10.1.2.3/"]}`):       `cannot understand ip: invalid IP address "10.1.2.3/" (runtimeConfig.ips[0])`,
		with(`"runtimeConfig": {"ips": ["fe80::1%eth0/64"]}`): `cannot understand ip: invalid IP address "fe80::1%eth0/64" (runtimeConfig.ips[0])`,
		with(`"runtimeConfig": {"ips": ["fe80::1%eth0"]}`):    `cannot understand ip: invalid IP address "fe80::1%eth0" (runtimeConfig.ips[0])`,
		with(`"runtimeConfig": {"ips": [" 10.1.2.3"]}`):       `cannot understand ip: invalid IP address " 10.1.2.3" (runtimeConfig.ips[0])`,
	} {
		t.Run(stdin, func(t *testing.T) {
			c, err := config.Parse([]byte(stdin), "")
			rejected(t, err, config.ErrInvalid, text)
			require.Nil(t, c)
		})
	}
}

// Errors about a span come from ParseSpan.
func TestInvalidExclude(t *testing.T) {
	for ipam, key := range map[string]string{
		`"subnet": "10.1.2.0/24", "exclude": ["10.1.2.3", ""]`:                      `ipam.exclude[1]: "": `,
		`"subnet": "10.1.2.0/24", "exclude": ["10.1.2.9/24"]`:                       `ipam.exclude[0]: "10.1.2.9/24": `,
		`"exclude": ["x"], "ranges": [[{"subnet": "10.1.2.0/24"}]]`:                 `ipam.exclude[0]: "x": `,
		`"ranges": [[{"subnet": "10.1.2.0/24", "exclude": ["10.1.2.9-10.1.2.8"]}]]`: `ipam.ranges[0][0].exclude[0]: "10.1.2.9-10.1.2.8": `,
	} {
		_, err := config.Parse([]byte(conf(ipam)), "")
		require.ErrorIs(t, err, config.ErrInvalid, ipam)
		require.Contains(t, err.Error(), key)
	}
}

func TestUnknownValueErrorsListKnownValues(t *testing.T) {
	for key, known := range map[string]string{
		"backend":         "files, bolt",
		"onDuplicate":     "error, return",
		"onReboot":        "release, keep",
		"exhaustedStatus": "error, ok",
	} {
		_, err := config.Parse([]byte(conf(`"subnet": "10.1.2.0/24", "`+key+`": "x"`)), "")
		require.ErrorContains(t, err, "use one of: "+known)
	}
}

func TestBrokenJSONErrorsNamePosition(t *testing.T) {
	_, err := config.Parse([]byte(`{"name": net}`), "")
	require.EqualError(t, err, "error unmarshall network config: invalid character 'e' in literal null (expecting 'u'); "+
		"the JSON is broken at byte 11, in line 1")
	for stdin, advice := range map[string]string{
		"{\"name\": \"net\",\n}":             "the JSON is broken at byte 17, in line 2: remove the comma before it",
		"{\"name\": \"net\"\n\"ipam\": {}}":  "the JSON is broken at byte 16, in line 2: put a comma before it, or a bracket",
		"{\"ipam\": {\"exclude\": [1,\n2,]}": "the JSON is broken at byte 28, in line 2: remove the comma before it",
		"{\"name\": \"net\"":                 "the JSON is broken at byte 14",
	} {
		_, err := config.Parse([]byte(stdin), "")
		var e *config.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, advice, e.Advice, stdin)
	}
}

func TestInvalidArgs(t *testing.T) {
	for args, text := range map[string]string{
		"IP":                                  `ARGS: invalid pair "IP"`,
		"IP=10.1.2.3;":                        `ARGS: invalid pair ""`,
		"IgnoreUnknown=1;A=B=C":               `ARGS: invalid pair "A=B=C"`,
		"K8S_POD_NAME=a=b":                    `ARGS: invalid pair "K8S_POD_NAME=a=b"`,
		"IP=x":                                `ARGS: error parsing value of pair "IP=x": invalid IP address x`,
		"IP=10.1.2.3/33":                      `ARGS: error parsing value of pair "IP=10.1.2.3/33": invalid IP address 10.1.2.3/33`,
		"IP=10.1.2.3,10.1.2.4":                `ARGS: error parsing value of pair "IP=10.1.2.3,10.1.2.4": invalid IP address 10.1.2.3,10.1.2.4`,
		"IgnoreUnknown=yes":                   `ARGS: error parsing value of pair "IgnoreUnknown=yes": boolean unmarshal error: invalid input yes`,
		"IgnoreUnknown=":                      `ARGS: error parsing value of pair "IgnoreUnknown=": boolean unmarshal error: invalid input `,
		"A=1;IP=10.1.2.3;B=2":                 `ARGS: unknown args ["A=1" "B=2"]`,
		"A=1;IgnoreUnknown=0":                 `ARGS: unknown args ["A=1"]`,
		"ip=10.1.2.3":                         `ARGS: unknown args ["ip=10.1.2.3"]`,
		"IgnoreUnknown=1;A=1;IgnoreUnknown=0": `ARGS: unknown args ["A=1"]`,
	} {
		_, err := config.Parse([]byte(conf(`"subnet": "10.1.2.0/24"`)), args)
		rejected(t, err, config.ErrArgs, text)
	}
}
