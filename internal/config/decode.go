package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
)

// rawConfig mirrors the JSON, so that encoding/json rejects the same wrong types as it does
// in host-local. The strings are parsed afterwards, where an error can name the key.
type rawConfig struct {
	Name          string   `json:"name"`
	CNIVersion    string   `json:"cniVersion"`
	IPAM          *rawIPAM `json:"ipam"`
	RuntimeConfig struct {
		IPRanges [][]rawRange `json:"ipRanges"`
		IPs      []string     `json:"ips"`
	} `json:"runtimeConfig"`
	Args struct {
		CNI struct {
			IPs []string `json:"ips"`
		} `json:"cni"`
	} `json:"args"`
}

// store returns nil if there is no ipam.
func (c *rawConfig) store() *rawStore {
	if c.IPAM == nil {
		return nil
	}
	return &c.IPAM.rawStore
}

type rawIPAM struct {
	rawStore
	rawRange // the older form, for a single range

	Ranges          [][]rawRange      `json:"ranges"`
	Routes          []json.RawMessage `json:"routes"`
	picked          []*types.Route    // replaces Routes after pick
	ResolvConf      string            `json:"resolvConf"`
	OnDuplicate     string            `json:"onDuplicate"`
	OnReboot        string            `json:"onReboot"`
	ExhaustedStatus string            `json:"exhaustedStatus"`

	// Unused, but host-local requires them to be strings.
	Name string `json:"name"`
	Type string `json:"type"`
}

type rawStore struct {
	DataDir     string `json:"dataDir"`
	Backend     string `json:"backend"`
	LockTimeout string `json:"lockTimeout"`
}

type rawRange struct {
	Subnet     rawText  `json:"subnet"`
	RangeStart string   `json:"rangeStart"`
	RangeEnd   string   `json:"rangeEnd"`
	Gateway    string   `json:"gateway"`
	Exclude    []string `json:"exclude"`

	// The names of 2015.
	OldStart string `json:"range-start"`
	OldEnd   string `json:"range-end"`
}

// is2015 reports whether the range uses the names of 2015.
func (r rawRange) is2015() bool { return r.OldStart != "" || r.OldEnd != "" }

// rawText is a string that distinguishes null, which host-local rejects as a subnet, from
// an absent key, which it accepts.
type rawText struct {
	present bool
	text    string
}

func (t *rawText) UnmarshalJSON(data []byte) error {
	*t = rawText{present: true} // the last of several equal keys counts
	return json.Unmarshal(data, &t.text)
}

// Decode is json.Unmarshal with errors that name JSON keys instead of Go types.
func Decode(data []byte, into any) error {
	err := json.Unmarshal(data, into)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return undecodable(placeOf(data, syntax), "%s", err)
	}
	return decodeError("", err)
}

// decodeError explains an error of encoding/json about the value at key.
func decodeError(key string, err error) error {
	if err == nil {
		return nil
	}
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		key = keyOf(key, mismatch.Field)
		if isRangeSet(mismatch.Type) {
			return undecodable(`write a list of range sets, each of them a list of ranges: [[{"subnet": "10.1.2.0/24"}]]`,
				"a range set in %s is of JSON type %s, want array", key, mismatch.Value)
		}
		return undecodable("correct the type of this value",
			"%s is of JSON type %s, want %s", key, mismatch.Value, jsonType(mismatch.Type))
	}
	return undecodable("write one JSON object", "%s", err)
}

// undecodable keeps the wording and spelling of CNI's plugin skeleton, because people
// search their logs for it.
func undecodable(advice, format string, args ...any) error {
	text := "error unmarshall network config: " + fmt.Sprintf(format, args...)
	return &Error{Kind: ErrDecode, Text: text, Advice: advice}
}

// keyOf joins key and the path below it that encoding/json reports. Some versions of Go
// include the names of embedded structs in that path.
func keyOf(key, path string) string {
	path = strings.NewReplacer("rawRange.", "", "rawStore.", "").Replace(path)
	switch {
	case key == "" && path == "":
		return "the configuration"
	case key == "" || path == "":
		return key + path
	}
	return key + "." + path
}

// jsonType returns the JSON type that decodes into t.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 { // net.IP
			return "string"
		}
		return "array"
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.Bool:
		return "bool"
	}
	return "integer"
}
