package dump_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const header = `{"leasehold":1,"network":"podnet"}` + "\n"

// lease returns a line with a lease of 10.0.0.n and more keys.
func lease(n int, more string) string {
	return fmt.Sprintf(`{"network":"podnet","address":"10.0.0.%d","containerID":"c"%s}`, n, more) + "\n"
}

func end(n int) string { return fmt.Sprintf(`{"end":"podnet","leases":%d}`, n) + "\n" }

func TestReaderRejects(t *testing.T) {
	for file, text := range map[string]string{
		"":      "the file is empty; a complete file has at least one network",
		"\n \n": "the file is empty",

		"null":         "line 1: want a JSON object",
		"[1]":          "line 1: want a JSON object",
		"{} {}":        "line 1: more than one JSON value",
		"\n\n{'a':1}":  `line 3: the JSON is broken after byte 1: invalid character '\''`,
		"{\"a\":\xff}": `line 1: the JSON is broken after byte 5: invalid character '\xff'`,
		"{\"leasehold\":1,\"network\":\"podnet\",\"boot\":\"\xff\"}": "line 1: the JSON is broken after byte 42: invalid UTF-8",

		`{}`:                               `line 1: want the header of a network, {"leasehold":1,"network":…}`,
		lease(1, ""):                       "line 1: want the header of a network",
		end(0):                             "line 1: want the header of a network",
		`{"leasehold":"1"}`:                `line 1: leasehold: "1" is not a whole number`,
		`{"leasehold":1.0}`:                `line 1: leasehold: 1.0 is not a whole number`,
		`{"leasehold":null}`:               `line 1: leasehold: null is not a whole number`,
		`{"leasehold":3,"new":{}}`:         "line 1: version 3 of the format is not supported, want versions 1 to 2",
		`{"leasehold":0}`:                  "line 1: version 0 of the format is not supported, want versions 1 to 2",
		`{"leasehold":1}`:                  "line 1: missing network name",
		`{"leasehold":1,"network":"../a"}`: `line 1: invalid characters found in network name "../a"`,
		`{"leasehold":1,"network":5}`:      "line 1: network: want a string in quotes",
		`{"leasehold":1,"network":"podnet","store":"x"}`:                               `line 1: store "x": want files or bolt`,
		`{"leasehold":1,"network":"podnet","boot":" b"}`:                               `line 1: boot " b": invalid argument: begins or ends with a space`,
		`{"leasehold":1,"network":"podnet","Store":"bolt"}`:                            `line 1: unknown key "Store"`,
		`{"leasehold":1,"network":"podnet","leases":3}`:                                `line 1: unknown key "leases"`,
		`{"leasehold":1,"network":"podnet","network":"b"}`:                             `line 1: key "network" is repeated`,
		`{"leasehold":1,"network":"podnet","cursors":[]}`:                              "line 1: cursors: want a JSON object",
		`{"leasehold":1,"network":"podnet","cursors":null}`:                            "line 1: cursors: want a JSON object",
		`{"leasehold":1,"network":"podnet","cursors":{"0":5}}`:                         "line 1: cursors: 0: want a string in quotes",
		`{"leasehold":1,"network":"podnet","cursors":{"0":""}}`:                        "line 1: cursor of range set 0: address is not set",
		`{"leasehold":1,"network":"podnet","cursors":{"/":"10.0.0.1"}}`:                `line 1: range set "/": want letters`,
		`{"leasehold":1,"network":"podnet","cursors":{"0":"::ffff:10.0.0.1"}}`:         "line 1: cursor of range set 0: address ::ffff:10.0.0.1 is an IPv4 address in IPv6 form; use 10.0.0.1",
		`{"leasehold":1,"network":"podnet","cursors":{"0":"10.0.0.1","0":"10.0.0.1"}}`: `line 1: key "0" is repeated`,

		header: "the file is truncated: network podnet ends after 0 leases: unexpected EOF",
		header + lease(1, "") + lease(2, "") + "\n":               "the file is truncated: network podnet ends after 2 leases",
		header + lease(1, "") + header:                            "line 3: another network begins before the end of network podnet, after 1 of its leases",
		header + end(0) + header + end(0):                         "line 3: network podnet is repeated",
		header + end(0) + lease(1, ""):                            "line 3: want the header of a network",
		header + lease(1, "") + end(2):                            "line 3: network podnet had 2 leases when it was written, but the file has 1",
		header + lease(1, "") + end(0):                            "line 3: network podnet had 0 leases when it was written, but the file has 1",
		header + `{"end":"podnet"}`:                               "line 2: the number of leases is missing",
		header + `{"end":"podnet","leases":"0"}`:                  `line 2: leases: "0" is not a whole number`,
		header + `{"end":"other","leases":0}`:                     `line 2: end of network "other": want podnet`,
		header + `{"end":"podnet","leases":0,"network":"podnet"}`: `line 2: unknown key "network"`,

		header + lease(2, "") + lease(2, ""): "line 3: 10.0.0.2 comes after 10.0.0.2: leases must be in ascending order, and each address leased once",
		header + lease(2, "") + lease(1, ""): "line 3: 10.0.0.1 comes after 10.0.0.2",

		header + `{}`: `line 2: network "": want podnet`,
		header + `{"address":"10.0.0.1","containerID":"c"}`:                          `line 2: network "": want podnet, which has not ended yet`,
		header + `{"network":"other","address":"10.0.0.1","containerID":"c"}`:        `line 2: network "other": want podnet, which has not ended yet`,
		header + `{"network":"podnet","containerID":"c"}`:                            "line 2: address is not set",
		header + `{"network":"podnet","address":"10.0.0.1"}`:                         "line 2: container ID is empty",
		header + `{"network":"podnet","address":"10.0.0.1/24","containerID":"c"}`:    `line 2: address: ParseAddr("10.0.0.1/24")`,
		header + `{"network":"podnet","address":"10.0.0.010","containerID":"c"}`:     `line 2: address: ParseAddr("10.0.0.010"): IPv4 field has octet with leading zero`,
		header + `{"network":"podnet","address":"fe80::1%a","containerID":"c"}`:      "line 2: address fe80::1%a has a zone",
		header + `{"network":"podnet","address":"::ffff:1.2.3.4","containerID":"c"}`: "line 2: address ::ffff:1.2.3.4 is an IPv4 address in IPv6 form; use 1.2.3.4",
		header + lease(1, `,"containerID":"d"`):                                      `line 2: key "containerID" is repeated`,
		header + lease(1, `,"containerIDBytes":"Yw=="`):                              "line 2: containerIDBytes: containerID is present too",
		header + lease(1, `,"ifnameBytes":"Yw="`):                                    "line 2: ifnameBytes: illegal base64 data",
		header + lease(1, `,"ifnameBytes":"YR=="`):                                   "line 2: ifnameBytes: illegal base64 data",
		header + lease(1, `,"ifname":"\ud800"`):                                      `line 2: the JSON is broken after byte 69: invalid surrogate pair`,
		header + lease(1, `,"x":{"a":1,"a":2}`):                                      `line 2: key "a" is repeated`,
		header + lease(1, `,"ifname":["eth0"]`):                                      "line 2: ifname: want a string in quotes",
		header + lease(1, `,"ifname":"a\nb"`):                                        `line 2: interface name "a\nb": contains a control character`,
		header + lease(1, `,"netnsBytes":"AA=="`):                                    `line 2: "\x00": contains a control character`,
		header + lease(1, `,"since":"yesterday"`):                                    `line 2: since: parsing time "yesterday"`,
		header + lease(1, `,"since":1767323045`):                                     "line 2: since: want a string in quotes",
		header + lease(1, `,"sinceUnix":1e3`):                                        "line 2: sinceUnix: 1e3 is not a whole number",
		header + lease(1, `,"sinceUnix":9223372036854775808`):                        "line 2: sinceUnix: 9223372036854775808 is not a whole number",
		header + lease(1, `,"since":"2026-01-02T03:04:05Z","sinceUnix":0`):           "line 2: sinceUnix: since is present too",
		header + lease(1, `,"pod":"default/web-0"`):                                  `line 2: unknown key "pod"`,
		header + lease(1, `,"IfName":"eth0"`):                                        `line 2: unknown key "IfName"`,
		header + lease(1, `,"x":{"a":["}",{"b\"":1}]},"y":2`):                        `line 2: unknown key "x"`,
	} {
		t.Run(file, func(t *testing.T) {
			_, err := read([]byte(file))
			require.ErrorContains(t, err, text)
			require.True(t, strings.HasPrefix(err.Error(), text), "%q does not begin with %q", err, text)
		})
	}
}

// A line takes bounded memory.
func TestReaderRejectsEndlessLine(t *testing.T) {
	_, err := read([]byte(header + `{"network":"` + strings.Repeat("x", 1<<20)))
	require.ErrorContains(t, err, "line 2: longer than 1048576 bytes")
}
