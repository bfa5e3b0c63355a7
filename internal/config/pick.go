package config

import (
	"bytes"
	"encoding/json"
	"net"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
)

// pick decodes a configuration that is just as it should be, and reports whether
// it was.
//
// encoding/json takes longer to study the Go types that it decodes into than to
// decode a configuration, and every container would wait for it. So the JSON is
// decoded into maps, and the values are picked out of these. Whatever is out of
// the ordinary (a wrong type, null, a key in other letters or given twice) is left
// to encoding/json itself, which is what says how it is meant.
func pick(data []byte, c *rawConfig) bool {
	var tree any
	if json.Unmarshal(data, &tree) != nil {
		return false
	}
	var p picker
	p.config(tree, c)
	return !p.odd && p.members == countMembers(data)
}

// A picker remembers whether it has met anything out of the ordinary.
type picker struct {
	odd     bool
	members int // of all objects so far
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

// route picks a route of which no more than destination and gateway are given.
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
			p.odd = p.odd || route.GW == nil
		default:
			p.odd = true
		}
	})
	p.odd = p.odd || route.Dst.IP == nil
	return route
}

// object calls pick for each member whose key is one of those known, and counts
// the members.
func (p *picker) object(v any, known string, pick func(key string, v any)) {
	object, ok := v.(map[string]any)
	if !ok {
		p.odd = true
		return
	}
	p.members += len(object)
	for key, v := range object {
		switch at := indexWord(known, key); {
		case at < 0:
			p.pass(v)
		case known[at:at+len(key)] == key:
			pick(key, v)
		default:
			p.odd = true // encoding/json does not mind the case
		}
		if p.odd {
			return
		}
	}
}

// indexWord returns where word stands in a list of words, in letters of any case,
// or -1.
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

// pass counts the members in what is not looked at.
func (p *picker) pass(v any) {
	switch v := v.(type) {
	case map[string]any:
		p.members += len(v)
		for _, v := range v {
			p.pass(v)
		}
	case []any:
		for _, v := range v {
			p.pass(v)
		}
	}
}

func (p *picker) text(v any) string {
	s, ok := v.(string)
	p.odd = p.odd || !ok
	return s
}

func (p *picker) list(v any) []any {
	l, ok := v.([]any)
	p.odd = p.odd || !ok
	return l
}

func (p *picker) texts(v any) []string {
	texts := make([]string, 0, 4)
	for _, v := range p.list(v) {
		texts = append(texts, p.text(v))
	}
	return texts
}

// countMembers counts the members of all objects in valid JSON, those that repeat
// a key included: each has a colon outside of any text.
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
		data = afterText(data[at+1:])
	}
	return n
}

// afterText returns what follows the end of the text that data begins in.
func afterText(data []byte) []byte {
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
