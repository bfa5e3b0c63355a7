package lint

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/netconf"
	"github.com/leasehold/leasehold/internal/resolvconf"
)

// rejected reports why the plugin rejects the configuration.
func (l *linter) rejected() {
	err := l.network.Refused()
	if explained := (*config.Error)(nil); errors.As(err, &explained) {
		l.problem(explained.Advice, "%s", explained.Text)
	}
}

// keys reports the keys in ipam that are ignored.
func (l *linter) keys() {
	for _, k := range l.network.UnknownKeys {
		l.unknown(k)
	}
	l.ignoredRangeKeys()
}

func (l *linter) unknown(k config.UnknownKey) {
	value := shown(k.Value)
	_, isText := k.Value.(string)
	from, advice, isForeign := foreign(k.Name)
	known, isMisspelt := meant(k.Name, k.Known)
	switch {
	case k.Name == "ipRange":
		l.ipRange(k)
	case isForeign && (isText || !isMisspelt): // unless it is a string, "range" is "ranges" misspelt, not whereabouts' key
		l.add(advice == "", cmp.Or(advice, "leave it out"), "%s %s: this is a key of %s and is ignored", k.Key(), value, from)
	case isMisspelt:
		l.problem(fmt.Sprintf("write %q", known), "%s %s: unknown key, ignored", k.Key(), value)
	case strings.HasPrefix(k.Path, "ipam.routes[") && ofRoute(k.Name) != "":
		l.problem(fmt.Sprintf("write %q", ofRoute(k.Name)), "%s %s: unknown key, ignored", k.Key(), value)
	case slices.Contains(config.KnownKeys(), k.Name):
		l.problem(`write it in ipam, beside "ranges"`, "%s %s: this key has no meaning here and is ignored", k.Key(), value)
	default:
		l.note("known keys: "+strings.Join(k.Known, ", "), "%s %s: unknown key, ignored", k.Key(), value)
	}
}

// ofRoute returns the key of a route for which name is a synonym.
func ofRoute(name string) string {
	switch strings.ToLower(name) {
	case "gateway", "via", "nexthop":
		return "gw"
	case "destination", "to", "network", "subnet":
		return "dst"
	}
	return ""
}

// ipRange reports the key in which nerdctl records its --ip-range. nerdctl also sets
// rangeStart and rangeEnd, which are used; a person may not have.
func (l *linter) ipRange(k config.UnknownKey) {
	for _, r := range rangesOf(l.network) {
		if r.key == k.Path && r.asConfigured(l.network.Text) {
			l.note("leave it: nothing reads it", "%s %s: nerdctl writes this key in addition to rangeStart and rangeEnd, which are used", k.Key(), shown(k.Value))
			return
		}
	}
	l.problem(fmt.Sprintf(`write "rangeStart" and "rangeEnd"%s`, ends(k.Value)), "%s %s: host-local has no such key and ignores it", k.Key(), shown(k.Value))
}

// place reports settings outside the ranges.
func (l *linter) place() {
	l.besideIPAM()
	if l.network.DisableGC {
		l.note("remove it to enable them; leasehold gc works anyway", "disableGC true: a runtime's GC, and cnitool gc, do nothing for this network")
	}
	if dir := l.network.DataDir; !isAbs(dir) {
		l.problem("write a path that begins with /", "ipam.dataDir %q: a relative path depends on the working directory of the runtime", dir)
	}
	l.resolvConf()
	l.needsBolt()
	l.endsReturned()
}

// endsReturned reports that the plugin ends a lease that a repeated ADD was answered with. The plugin ptp asks for
// addresses before it makes the interface, which a running container has already, and deletes them when that fails.
// The others make the interface first.
func (l *linter) endsReturned() {
	if l.network.Plugin == "ptp" && l.network.Config != nil && l.network.Config.OnDuplicate == allocator.ReturnExisting {
		l.problem("leave it out", `ipam.onDuplicate "return": if an ADD is repeated while its container runs, ptp fails and ends the lease, `+
			"and another container gets the address")
	}
}

// resolvConf reports a file that no ADD can read.
func (l *linter) resolvConf() {
	if l.network.Config == nil || l.network.Config.ResolvConf == "" {
		return
	}
	name := l.network.Config.ResolvConf
	if !isAbs(name) {
		l.problem("write a path that begins with /", "ipam.resolvConf %q: a relative path depends on the working directory of the runtime", name)
		return
	}
	_, err := resolvconf.Read(name)
	switch {
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		l.note("run this as the user of the plugin to know", "ipam.resolvConf: %v: every ADD reads this file; whether it can is not known", err)
	case err != nil:
		l.problem("correct the path, or remove the key", "ipam.resolvConf: %v: every ADD reads this file, and fails", err)
	}
}

// needsBolt reports keys that only a bolt store can do something about.
func (l *linter) needsBolt() {
	var raw struct {
		IPAM map[string]any `json:"ipam"`
	}
	if l.network.Config == nil || l.network.Config.Backend == config.Bolt || json.Unmarshal(l.network.Text, &raw) != nil {
		return
	}
	for _, k := range []struct{ key, why string }{
		{"history", "a files store keeps no history"},
		{"reuseAfter", "a files store leases a released address again at once, when it is its turn"},
		{"prefer", "a files store does not remember which address a pod had"},
	} {
		for name, value := range raw.IPAM {
			if value != nil && value != 0.0 && strings.EqualFold(name, k.key) {
				l.note(`add "backend": "bolt", or leave it out`, "ipam.%s %s: %s", name, shown(value), k.why)
			}
		}
	}
}

// besideIPAM reports keys that belong in ipam but are beside it, where no plugin reads
// them.
func (l *linter) besideIPAM() {
	var all map[string]any
	if json.Unmarshal(l.network.Text, &all) != nil || !readsIPAMOnly(l.network.Plugin) {
		return
	}
	own := []string{"subnet", "ranges", "rangeStart", "rangeEnd", "gateway", "exclude", "dataDir", "backend", "onDuplicate", "onReboot", "history", "reuseAfter", "prefer", "routes"}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if at := slices.IndexFunc(own, func(o string) bool { return strings.EqualFold(o, key) }); at >= 0 {
			l.problem("write it in ipam", "%s %s: this key has no meaning outside ipam", key, shown(all[key]))
		}
	}
	if _, ok := all["cniVersion"]; !ok && all["version"] != nil {
		l.problem(`write "cniVersion"`, "version %s: unknown key, and without cniVersion the version is 0.1.0", shown(all["version"]))
	}
}

// readsIPAMOnly reports whether the plugin is known to have no such keys itself.
func readsIPAMOnly(plugin string) bool {
	return slices.Contains([]string{"", "bridge", "host-local", "ptp", "macvlan", "ipvlan", "vlan", "host-device", "tap", "dummy"}, plugin)
}

// file reports problems of a file as a whole.
func file(f netconf.File) (found []Finding) {
	add := func(advice, format string, args ...any) {
		found = append(found, Finding{File: f.Name, Network: nameIn(f.Text), Advice: advice, Text: fmt.Sprintf(format, args...)})
	}
	for _, key := range repeated(f.Text) {
		add("write it once, with all its values", "%s is repeated, and only the last one counts", key)
	}
	var top struct {
		IPAM    map[string]any   `json:"ipam"`
		Plugins []map[string]any `json:"plugins"`
	}
	if json.Unmarshal(f.Text, &top) != nil {
		return found
	}
	if top.IPAM != nil && top.Plugins != nil {
		add("write it in the plugin that needs addresses", "ipam %s: it has no meaning beside plugins", shown(top.IPAM))
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

// untyped reports a wrong type in an ipam section for host-local: the main plugin would
// assign no address, or look for a program that does not exist.
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
		return fmt.Sprintf("ipam %s: it has no type, so no address is assigned", shown(ipam)), advised
	case kind != "" && nearly(kind, "host-local"):
		return fmt.Sprintf("ipam.type %q: there is no such plugin", kind), advised
	}
	return "", ""
}
