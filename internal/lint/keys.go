package lint

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/netconf"
)

// refused says why the plugin refuses the configuration.
func (l *linter) refused() {
	err := l.network.Refused()
	if explained := (*config.Error)(nil); errors.As(err, &explained) {
		l.problem(explained.Advice, "%s", explained.Text)
	}
}

// keys says which keys in ipam are passed over.
func (l *linter) keys() {
	for _, k := range l.network.UnknownKeys {
		l.unknown(k)
	}
	l.passedOver()
}

func (l *linter) unknown(k config.UnknownKey) {
	value := shown(k.Value)
	_, isText := k.Value.(string)
	from, advice, isForeign := foreign(k.Name)
	known, isMisspelt := meant(k.Name, k.Known)
	switch {
	case k.Name == "ipRange":
		l.ipRange(k)
	case isForeign && (isText || !isMisspelt): // what is no text can be ranges misspelt, and not the range of whereabouts
		l.add(advice == "", cmp.Or(advice, "leave it out"), "%s %s: this is a key of %s, and is passed over", k.Key(), value, from)
	case isMisspelt:
		l.problem(fmt.Sprintf("write %q", known), "%s %s: there is no such key, and it is passed over", k.Key(), value)
	case strings.HasPrefix(k.Path, "ipam.routes[") && ofRoute(k.Name) != "":
		l.problem(fmt.Sprintf("write %q", ofRoute(k.Name)), "%s %s: there is no such key, and it is passed over", k.Key(), value)
	case slices.Contains(config.KnownKeys(), k.Name):
		l.problem(`write it in ipam, beside "ranges"`, "%s %s: it means nothing there, and is passed over", k.Key(), value)
	default:
		l.note("known are "+strings.Join(k.Known, ", "), "%s %s: there is no such key, and it is passed over", k.Key(), value)
	}
}

// ofRoute returns the key of a route that another word is used for.
func ofRoute(name string) string {
	switch strings.ToLower(name) {
	case "gateway", "via", "nexthop":
		return "gw"
	case "destination", "to", "network", "subnet":
		return "dst"
	}
	return ""
}

// ipRange is about the key in which nerdctl notes what it was asked for. It has put the ends
// into rangeStart and rangeEnd, which count; a person may not have.
func (l *linter) ipRange(k config.UnknownKey) {
	for _, r := range rangesOf(l.network) {
		if r.key == k.Path && r.asConfigured(l.network.Text) {
			l.note("leave it: nothing reads it", "%s %s: nerdctl writes this key beside rangeStart and rangeEnd, which count", k.Key(), shown(k.Value))
			return
		}
	}
	l.problem(fmt.Sprintf(`write "rangeStart" and "rangeEnd"%s`, ends(k.Value)), "%s %s: host-local has no such key, and it is passed over", k.Key(), shown(k.Value))
}

// place is about what the network says outside of its ranges.
func (l *linter) place() {
	l.besideIPAM()
	if l.network.DisableGC {
		l.note("leave it out to have them; leasehold gc works all the same", "disableGC true: a runtime's GC, and cnitool gc, do nothing for this network")
	}
	if dir := l.network.DataDir; !isAbs(dir) {
		l.problem("write a path that begins with /", "ipam.dataDir %q: it is another directory for each working directory that a runtime has", dir)
	}
}

// besideIPAM names keys that belong into ipam and are beside it, where no plugin reads them.
func (l *linter) besideIPAM() {
	var all map[string]any
	if json.Unmarshal(l.network.Text, &all) != nil || !readsIPAMOnly(l.network.Plugin) {
		return
	}
	own := []string{"subnet", "ranges", "rangeStart", "rangeEnd", "gateway", "exclude", "dataDir", "backend", "onDuplicate", "onReboot", "routes"}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if at := slices.IndexFunc(own, func(o string) bool { return strings.EqualFold(o, key) }); at >= 0 {
			l.problem("write it in ipam", "%s %s: beside ipam it means nothing", key, shown(all[key]))
		}
	}
	if _, ok := all["cniVersion"]; !ok && all["version"] != nil {
		l.problem(`write "cniVersion"`, "version %s: there is no such key, and without cniVersion the version is 0.1.0", shown(all["version"]))
	}
}

// readsIPAMOnly reports whether the plugin is known to have no keys of these names itself.
func readsIPAMOnly(plugin string) bool {
	return slices.Contains([]string{"", "bridge", "host-local", "ptp", "macvlan", "ipvlan", "vlan", "host-device", "tap", "dummy"}, plugin)
}

// file says what is wrong with a file as a whole.
func file(f netconf.File) (found []Finding) {
	add := func(advice, format string, args ...any) {
		found = append(found, Finding{File: f.Name, Network: nameIn(f.Text), Advice: advice, Text: fmt.Sprintf(format, args...)})
	}
	for _, key := range repeated(f.Text) {
		add("write it once; for several ranges, several of them in it", "%s is there more than once, and only the last one counts", key)
	}
	var top struct {
		IPAM    map[string]any   `json:"ipam"`
		Plugins []map[string]any `json:"plugins"`
	}
	if json.Unmarshal(f.Text, &top) != nil {
		return found
	}
	if top.IPAM != nil && top.Plugins != nil {
		add("write it in the plugin that is to have addresses", "ipam %s: beside plugins it means nothing", shown(top.IPAM))
	}
	if top.IPAM != nil && top.Plugins == nil {
		top.Plugins = []map[string]any{{"ipam": top.IPAM, "type": typeIn(f.Text)}}
	}
	for _, p := range top.Plugins {
		if text, advice := untyped(p); text != "" {
			add(advice, "%s", text)
		}
	}
	return found
}

// untyped says what is wrong with the type of an ipam that is meant for host-local: the main
// plugin would give no address, or look for a program that is not there.
func untyped(plugin map[string]any) (text, advice string) {
	ipam, ok := plugin["ipam"].(map[string]any)
	kind, _ := ipam["type"].(string)
	if !ok || kind == "host-local" || plugin["type"] == "flannel" || plugin["type"] == "" {
		return "", ""
	}
	_, subnet := ipam["subnet"]
	_, ranges := ipam["ranges"]
	const advised = `write "type": "host-local" in ipam`
	switch {
	case kind == "" && (subnet || ranges):
		return fmt.Sprintf("ipam %s: it has no type, and so no address is given out", shown(ipam)), advised
	case kind != "" && nearly(kind, "host-local"):
		return fmt.Sprintf("ipam.type %q: there is no such plugin", kind), advised
	}
	return "", ""
}
