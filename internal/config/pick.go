package config

import (
	"bytes"
	"encoding/json"
	"net"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
)

// pick decodes an ordinary configuration, and reports whether it was ordinary.
//
// encoding/json spends more time on studying Go types than on decoding a configuration, and
// every container would wait for that. So the JSON is decoded into maps, and the values are
// picked out of these. Anything unusual (a wrong type, null, a key in another case or
// repeated) is left to encoding/json, which defines its meaning.
func pick(data []byte, c *rawConfig) bool {
	var tree any
	if json.Unmarshal(data, &tree) != nil {
		return false
	}
	var p picker
	p.config(tree, c)
	return !p.unusual && p.members == countMembers(data)
}

// A picker records whether anything was unusual.
type picker struct {
	unusual bool
	members int // of all objects seen so far
}

func (p *picker) config(v any, c *rawConfig) {
	p.object(v, "name cniVersion ipam runtimeConfig args", func(key string, v any) {
		switch key {
		case "name":
			c.Name = p.text(v)
		case "cniVersion":
			c.CNIVersion = p.text(v)
		case "ipam":
			c.IPAM = new(rawIPAM)
			p.ipam(v, c.IPAM)
		case "runtimeConfig":
			p.object(v, "ipRanges ips", func(key string, v any) {
				if key == "ips" {
					c.RuntimeConfig.IPs = p.texts(v)
				} else {
					c.RuntimeConfig.IPRanges = p.rangeSets(v)
				}
			})
		case "args":
			p.object(v, "cni", func(_ string, v any) {
				p.object(v, "ips", func(_ string, v any) { c.Args.CNI.IPs = p.texts(v) })
			})
		}
	})
}

const rangeKeys = "subnet rangeStart rangeEnd gateway exclude range-start range-end "

func (p *picker) ipam(v any, c *rawIPAM) {
	texts := map[string]*string{
		"dataDir": &c.DataDir, "backend": &c.Backend, "lockTimeout": &c.LockTimeout,
		"resolvConf": &c.ResolvConf, "onDuplicate": &c.OnDuplicate, "onReboot": &c.OnReboot,
		"exhaustedStatus": &c.ExhaustedStatus, "name": &c.Name, "type": &c.Type,
	}
	const keys = rangeKeys + "ranges routes dataDir backend lockTimeout resolvConf onDuplicate onReboot exhaustedStatus name type"
	p.object(v, keys, func(key string, v any) {
		switch text := texts[key]; {
		case text != nil:
			*text = p.text(v)
		case key == "ranges":
			c.Ranges = p.rangeSets(v)
		case key == "routes":
			for _, route := range p.list(v) {
				c.picked = append(c.picked, p.route(route))
			}
		default:
			p.rangeKey(key, v, &c.rawRange)
		}
	})
}

func (p *picker) rangeSets(v any) [][]rawRange {
	sets := make([][]rawRange, 0, 2)
	for _, v := range p.list(v) {
		set := make([]rawRange, 0, 1)
		for _, v := range p.list(v) {
			var r rawRange
			p.object(v, rangeKeys, func(key string, v any) { p.rangeKey(key, v, &r) })
			set = append(set, r)
		}
		sets = append(sets, set)
	}
	return sets
}

func (p *picker) rangeKey(key string, v any, r *rawRange) {
	switch key {
	case "subnet":
		r.Subnet = rawText{present: true, text: p.text(v)}
	case "rangeStart":
		r.RangeStart = p.text(v)
	case "rangeEnd":
		r.RangeEnd = p.text(v)
	case "gateway":
		r.Gateway = p.text(v)
	case "exclude":
		r.Exclude = p.texts(v)
	case "range-start":
		r.OldStart = p.text(v)
	case "range-end":
		r.OldEnd = p.text(v)
	}
}

// route picks a route that has only a destination and a gateway.
func (p *picker) route(v any) *types.Route {
	route := new(types.Route)
	p.object(v, "dst gw mtu advmss priority table scope", func(key string, v any) {
		switch key {
		case "dst":
			if dst, err := types.ParseCIDR(p.text(v)); err == nil {
				route.Dst = *dst
			}
		case "gw":
			route.GW = net.ParseIP(p.text(v))
			p.unusual = p.unusual || route.GW == nil
		default:
			p.unusual = true
		}
	})
	p.unusual = p.unusual || route.Dst.IP == nil
	return route
}

// object calls pick for each member with a known key, and counts the members.
func (p *picker) object(v any, known string, pick func(key string, v any)) {
	object, ok := v.(map[string]any)
	if !ok {
		p.unusual = true
		return
	}
	p.members += len(object)
	for key, v := range object {
		switch at := indexWord(known, key); {
		case at < 0:
			p.skip(v)
		case known[at:at+len(key)] == key:
			pick(key, v)
		default:
			p.unusual = true // encoding/json ignores case
		}
		if p.unusual {
			return
		}
	}
}

// indexWord returns the index of word, in any case, in a space-separated list, or -1.
func indexWord(list, word string) int {
	for at := 0; at < len(list); {
		end := at + strings.IndexByte(list[at:]+" ", ' ')
		if strings.EqualFold(list[at:end], word) {
			return at
		}
		at = end + 1
	}
	return -1
}

// skip counts the members of an ignored value.
func (p *picker) skip(v any) {
	switch v := v.(type) {
	case map[string]any:
		p.members += len(v)
		for _, v := range v {
			p.skip(v)
		}
	case []any:
		for _, v := range v {
			p.skip(v)
		}
	}
}

func (p *picker) text(v any) string {
	s, ok := v.(string)
	p.unusual = p.unusual || !ok
	return s
}

func (p *picker) list(v any) []any {
	l, ok := v.([]any)
	p.unusual = p.unusual || !ok
	return l
}

func (p *picker) texts(v any) []string {
	texts := make([]string, 0, 4)
	for _, v := range p.list(v) {
		texts = append(texts, p.text(v))
	}
	return texts
}

// countMembers counts the members of all objects in valid JSON, including repeated keys:
// each has one colon outside of strings.
func countMembers(data []byte) int {
	n := 0
	for len(data) > 0 {
		at := bytes.IndexAny(data, `:"`)
		if at < 0 {
			break
		}
		if data[at] == ':' {
			n++
			data = data[at+1:]
			continue
		}
		data = afterString(data[at+1:])
	}
	return n
}

// afterString returns the rest of data after the end of a string, in which data begins.
func afterString(data []byte) []byte {
	for {
		at := bytes.IndexAny(data, `\"`)
		if at < 0 {
			return nil
		}
		if data[at] == '"' {
			return data[at+1:]
		}
		data = data[min(at+2, len(data)):]
	}
}
