package config

import (
	"encoding/json"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// rawConfig mirrors the JSON. The strings are parsed afterwards, where an error can name
// the key.
type rawConfig struct {
	Name, CNIVersion string
	IPAM             *rawIPAM
	IPRanges         list[list[rawRange]] // in runtimeConfig
	IPs              list[string]         // in runtimeConfig
	ArgsIPs          list[string]         // in args.cni
}

func (c *rawConfig) fields() object {
	return object{
		{"name", &c.Name},
		{"cniVersion", &c.CNIVersion},
		{"ipam", optional(&c.IPAM)},
		{"runtimeConfig", object{{"ipRanges", &c.IPRanges}, {"ips", &c.IPs}}},
		{"args", object{{"cni", object{{"ips", &c.ArgsIPs}}}}},
	}
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

	Ranges                                             list[list[rawRange]]
	Routes                                             list[json.RawMessage] // routes
	ResolvConf, OnDuplicate, OnReboot, ExhaustedStatus string
	ReuseAfter, Cluster, Space                         string
	ReuseAfterStrict                                   bool
	Prefer                                             string
	History                                            json.RawMessage // rawHistory
	Name, Type                                         string          // unused
}

func (c *rawIPAM) fields() object {
	return slices.Concat(c.rawStore.fields(), c.rawRange.fields(), object{
		{"ranges", &c.Ranges},
		{"routes", &c.Routes},
		{"resolvConf", &c.ResolvConf},
		{"onDuplicate", &c.OnDuplicate},
		{"onReboot", &c.OnReboot},
		{"exhaustedStatus", &c.ExhaustedStatus},
		{"history", &c.History},
		{"reuseAfter", &c.ReuseAfter},
		{"reuseAfterStrict", &c.ReuseAfterStrict},
		{"prefer", &c.Prefer},
		{"cluster", &c.Cluster},
		{"space", &c.Space},
		{"name", &c.Name}, // host-local requires name and type to be strings
		{"type", &c.Type},
	})
}

type rawStore struct{ DataDir, Backend, LockTimeout string }

func (raw *rawStore) fields() object {
	return object{{"dataDir", &raw.DataDir}, {"backend", &raw.Backend}, {"lockTimeout", &raw.LockTimeout}}
}

// A rawPlace is a rawStore for a release, which goes on with values of a wrong type as with other
// invalid ones.
type rawPlace struct{ rawStore }

func (raw *rawPlace) fields() object {
	return object{
		{"dataDir", &raw.DataDir},
		{"backend", (*leniently)(&raw.Backend)},
		{"lockTimeout", (*leniently)(&raw.LockTimeout)},
	}
}

// store returns nil if there is no ipam.
func (raw *rawPlace) store() *rawStore {
	if raw == nil {
		return nil
	}
	return &raw.rawStore
}

// leniently decodes a string, and takes a value of another type for an empty one.
type leniently string

func (*leniently) setNull() {}

func (l *leniently) decode(d *decoder, kind jsontext.Kind) error {
	if kind == '"' {
		return d.value((*string)(l))
	}
	*l = ""
	return d.tokens.SkipValue()
}

// A rawHistory is history, unless that is 0.
type rawHistory struct {
	Keep *int
	For  string
}

func (h *rawHistory) fields() object { return object{{"keep", &h.Keep}, {"for", &h.For}} }

type rawRange struct {
	Subnet                        rawText
	RangeStart, RangeEnd, Gateway string
	Exclude                       list[string]
	OldStart, OldEnd              string // the names of 2015
}

func (r *rawRange) fields() object {
	return object{
		{"subnet", &r.Subnet},
		{"rangeStart", &r.RangeStart},
		{"rangeEnd", &r.RangeEnd},
		{"gateway", &r.Gateway},
		{"exclude", &r.Exclude},
		{"range-start", &r.OldStart},
		{"range-end", &r.OldEnd},
	}
}

// is2015 reports whether the range uses the names of 2015.
func (r rawRange) is2015() bool { return r.OldStart != "" || r.OldEnd != "" }

// rawText is a string that distinguishes null, which host-local rejects as a subnet, from
// an absent key, which it accepts.
type rawText struct {
	present bool
	text    string
}

// The last of several equal keys counts.

func (t *rawText) setNull() error { return t.setText("") }

func (t *rawText) setText(text string) error {
	*t = rawText{present: true, text: text}
	return nil
}
