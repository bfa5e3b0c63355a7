package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// adviseSubnet says what to write instead of an invalid subnet.
func adviseSubnet(text string) string {
	const form = "write a network like 10.1.2.0/24 or fd00::/64"
	if addr, ok := parseAddr(text); ok {
		return form + ": the prefix length after " + addr.String() + " is missing"
	}
	if strings.EqualFold(text, "usePodCidr") {
		return form + "; only the calico plugin replaces usePodCidr by the subnet of the node"
	}
	return form
}

// adviseAddr says what to write instead of an invalid address. A common mistake is to copy
// an interface address with its prefix length, as "ip address" prints it.
func adviseAddr(text string) string {
	if prefix, ok := parseCIDR(text); ok {
		return "write " + prefix.Addr().String() + ", without /" + strings.Split(text, "/")[1]
	}
	return "write an address like 10.1.2.3 or fd00::3"
}

// adviseRanges advises on ranges that are a single list, by showing them corrected. This is
// the most common mistake: ranges is a list of sets, and a set is a list of ranges.
func adviseRanges(stdin []byte, err error) error {
	var explained *Error
	var raw struct {
		IPAM struct {
			Ranges []json.RawMessage `json:"ranges"`
		} `json:"ipam"`
	}
	if !errors.As(err, &explained) || json.Unmarshal(stdin, &raw) != nil || len(raw.IPAM.Ranges) == 0 {
		return err
	}
	if sets := asSets(raw.IPAM.Ranges); sets != "" {
		explained.Advice = `ranges is a list of range sets, each of them a list of ranges: write "ranges": ` + sets
	}
	return err
}

// asSets returns a list of ranges as JSON, grouped into one set per family; or "" if it is
// not a list of ranges.
func asSets(ranges []json.RawMessage) string {
	var v4, v6 []json.RawMessage
	for _, text := range ranges {
		var r struct {
			Subnet string `json:"subnet"`
		}
		if json.Unmarshal(text, &r) != nil || r.Subnet == "" {
			return ""
		}
		if strings.Contains(r.Subnet, ":") {
			v6 = append(v6, text)
		} else {
			v4 = append(v4, text)
		}
	}
	var sets [][]json.RawMessage
	for _, set := range [][]json.RawMessage{v4, v6} {
		if len(set) > 0 {
			sets = append(sets, set)
		}
	}
	text, err := json.Marshal(sets)
	if err != nil || len(text) > 400 { // too long to read in a log
		return `[[{"subnet": "10.1.2.0/24"}]]`
	}
	return string(text)
}

// placeOf says where JSON is broken, and what to do if that is obvious.
func placeOf(data []byte, err *json.SyntaxError) string {
	text := fmt.Sprintf("the JSON is broken at byte %d", err.Offset)
	at := int(err.Offset) - 1 // index of the offending byte
	if at < 0 || at >= len(data) || strings.Contains(err.Error(), "unexpected end") {
		return text
	}
	before := bytes.TrimRight(data[:at], " \t\r\n")
	text += fmt.Sprintf(", in line %d", 1+bytes.Count(data[:at], []byte("\n")))
	switch {
	case bytes.HasSuffix(before, []byte(",")) && (data[at] == '}' || data[at] == ']'):
		return text + ": remove the comma before it"
	case strings.Contains(err.Error(), "after object key:value pair"), strings.Contains(err.Error(), "after array element"):
		return text + ": put a comma before it, or a bracket"
	}
	return text
}
