package netconf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/containernetworking/cni/pkg/types"

	"github.com/leasehold/leasehold/internal/config"
)

// A reader collects the networks and problems of one file.
type reader struct {
	*Node
	file      string
	disableGC bool // of the current list
}

// problem records an error, unless it is nil.
func (r *reader) problem(err error) {
	if err != nil {
		r.Problems = append(r.Problems, &Problem{r.file, err})
	}
}

func isList(text []byte) bool {
	var conf struct {
		Plugins json.RawMessage `json:"plugins"`
	}
	_ = config.Decode(text, &conf) // Errors are reported when it is parsed.
	return conf.Plugins != nil
}

// list reads a list of plugins, including the plugins in its subdirectory.
func (r *reader) list(text []byte) error {
	list, err := parseList(text)
	if err != nil {
		return err
	}
	if err := list.addDir(filepath.Dir(r.file)); err != nil {
		return err
	}
	return r.plugins(list)
}

func (r *reader) plugins(list rawList) error {
	outer := r.disableGC
	defer func() { r.disableGC = outer }()
	r.disableGC = isTrue(list.DisableGC)
	plugins, err := list.complete()
	if err != nil {
		return err
	}
	for _, text := range plugins {
		r.problem(r.typed(text))
	}
	return nil
}

// typed reads a plugin called by a runtime.
func (r *reader) typed(text []byte) error {
	var conf types.PluginConf
	if err := config.Decode(text, &conf); err == nil && conf.Type == "" {
		return untyped(text)
	}
	return r.plugin(text)
}

// untyped returns an error for a text without type that says what it may be instead.
func untyped(text []byte) error {
	if isList(text) {
		return errors.New(`the plugin has no "type"; it is a list of plugins, which runtimes read only from a .conflist file`)
	}
	var keys map[string]json.RawMessage
	if config.Decode(text, &keys) == nil {
		for key := range keys {
			if strings.EqualFold(strings.Trim(key, ": _"), "type") {
				return fmt.Errorf(`the plugin has no "type"; write "type" instead of %q`, key)
			}
		}
	}
	return errors.New(`the plugin has no "type"`)
}

// plugin reads a plugin and the plugins that it calls.
func (r *reader) plugin(text []byte) error {
	var conf types.PluginConf
	if err := config.Decode(text, &conf); err != nil {
		return err
	}
	switch {
	case conf.IPAM.Type == "host-local":
		r.problem(r.network(text, conf))
	case conf.IPAM.Type == "" && conf.Type == "flannel":
		r.problem(r.flannel(text, conf))
	}
	return r.delegates(text, conf)
}

func (r *reader) network(text []byte, conf types.PluginConf) error {
	n := Network{
		File:            r.file,
		Plugin:          conf.Type,
		Text:            text,
		UnknownKeys:     config.UnknownKeys(text),
		RangesElsewhere: conf.Capabilities["ipRanges"] || conf.Type == "flannel" || usesPodCIDR(text, conf),
		DisableGC:       r.disableGC,
	}
	if n.Config, n.Err = config.Parse(text, ""); n.Err == nil {
		n.Network = n.Config.Network
	} else {
		var err error
		if n.Network, err = config.ParseNetwork(text); err != nil {
			return err
		}
	}
	r.Networks = append(r.Networks, n)
	return nil
}

// usesPodCIDR reports whether the plugin is calico and inserts the subnet of the node into
// the ranges.
func usesPodCIDR(text []byte, conf types.PluginConf) bool {
	return conf.Type == "calico" && bytes.Contains(bytes.ToLower(text), []byte(`"usepodcidr"`))
}

// flannel records the network that flannel makes: it calls bridge, or the plugin in
// delegate, with host-local and the keys in ipam.
func (r *reader) flannel(text []byte, conf types.PluginConf) error {
	var own struct {
		IPAM map[string]any `json:"ipam"`
	}
	if err := config.Decode(text, &own); err != nil {
		return err
	}
	ipam := map[string]any{"type": "host-local"}
	for key, value := range own.IPAM {
		ipam[key] = value
	}
	text, err := with(text, map[string]any{"ipam": ipam})
	if err != nil {
		return err
	}
	return r.network(text, conf)
}

// delegates reads the plugins that a plugin calls.
func (r *reader) delegates(text []byte, caller types.PluginConf) error {
	var conf struct {
		Delegate  json.RawMessage `json:"delegate"`
		Delegates json.RawMessage `json:"delegates"`
	}
	if err := config.Decode(text, &conf); err != nil {
		return err
	}
	var all []json.RawMessage
	if config.Decode(conf.Delegates, &all) != nil {
		all = nil // the key has another meaning in this plugin
	}
	for _, text := range append(all, conf.Delegate) {
		if len(text) > 0 && text[0] == '{' {
			r.problem(r.delegate(text, caller))
		}
	}
	return nil
}

// delegate reads a plugin or a list of plugins. Unless it has its own, it gets the name and
// the version of its caller.
func (r *reader) delegate(text []byte, caller types.PluginConf) error {
	var own types.PluginConf
	if err := config.Decode(text, &own); err != nil {
		return err
	}
	inherited := make(map[string]any)
	if own.Name == "" {
		inherited["name"] = caller.Name
	}
	if own.CNIVersion == "" {
		inherited["cniVersion"] = caller.CNIVersion
	}
	text, err := with(text, inherited)
	if err != nil {
		return err
	}
	if !isList(text) {
		return r.plugin(text)
	}
	list, err := parseList(text)
	if err != nil {
		return err
	}
	return r.plugins(list)
}
