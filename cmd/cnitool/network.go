package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/containernetworking/cni/pkg/utils"
)

// A network is a configuration file of a network, or of a single plugin.
type network struct {
	file string
	list *libcni.NetworkConfigList // nil if err is set
	err  error
}

// networks reads the configuration directory. Lists come before single plugins, the order
// in which libcni looks up a name.
func (t *tool) networks() ([]network, error) {
	if _, err := os.Stat(t.confDir); errors.Is(err, fs.ErrNotExist) { // libcni would treat it as empty
		return nil, configError(fmt.Errorf("%s does not exist; set $NETCONFPATH, or use --conf-dir", t.confDir))
	}
	files, err := libcni.ConfFiles(t.confDir, []string{".conflist", ".conf", ".json"})
	if err != nil {
		return nil, configError(err)
	}
	singleRank := func(file string) int {
		if filepath.Ext(file) == ".conflist" {
			return 0
		}
		return 1
	}
	slices.SortFunc(files, func(a, b string) int {
		return cmp.Or(singleRank(a)-singleRank(b), strings.Compare(a, b))
	})
	var all []network
	for _, file := range files {
		list, err := readNetwork(file)
		all = append(all, network{file, list, err})
	}
	return all, nil
}

func readNetwork(file string) (list *libcni.NetworkConfigList, err error) {
	if filepath.Ext(file) == ".conflist" {
		list, err = libcni.NetworkConfFromFile(file)
	} else {
		list, err = readPlugin(file)
	}
	return checkName(list, err)
}

// checkName returns the list, or an error if it has no valid network name.
func checkName(list *libcni.NetworkConfigList, err error) (*libcni.NetworkConfigList, error) {
	if err != nil {
		return nil, err
	}
	if list.Name == "" {
		return nil, errors.New(`there is no "name"`)
	}
	if err := utils.ValidateNetworkName(list.Name); err != nil {
		return nil, err
	}
	return list, nil
}

// readPlugin reads the configuration of a single plugin as a list of one.
func readPlugin(file string) (*libcni.NetworkConfigList, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return singlePlugin(text)
}

func singlePlugin(text []byte) (*libcni.NetworkConfigList, error) {
	var plugin struct {
		CNIVersion string          `json:"cniVersion,omitempty"`
		Name       string          `json:"name"`
		Plugins    json.RawMessage `json:"plugins,omitempty"`
	}
	err := json.Unmarshal(text, &plugin)
	if err != nil {
		return nil, err
	}
	if plugin.Plugins != nil {
		return nil, errors.New("a list of plugins must be in a file that ends in .conflist")
	}
	plugin.Plugins = slices.Concat([]byte{'['}, text, []byte{']'})
	if text, err = json.Marshal(plugin); err != nil {
		return nil, err
	}
	return libcni.NetworkConfFromBytes(text)
}

// named returns the network that libcni would use for name.
func (t *tool) named(name string) (network, error) {
	all, err := t.networks()
	if err != nil {
		return network{}, err
	}
	var names []string
	var problems []error
	for _, n := range all {
		switch {
		case n.err != nil:
			problems = append(problems, fmt.Errorf("%s: %w", n.file, n.err))
		case n.list.Name == name:
			return n, nil
		default:
			names = append(names, n.list.Name)
		}
	}
	text := fmt.Sprintf("there is no network %q in %s", name, t.confDir)
	if len(names) > 0 {
		text += "; there is " + strings.Join(names, ", ")
	} else if len(problems) == 0 {
		text += ", nor any other network; set $NETCONFPATH, or use --conf-dir"
	}
	return network{}, configError(errors.Join(append([]error{errors.New(text)}, problems...)...))
}

// readyNetwork returns the named network, or an error unless all of its plugins are
// installed.
func (t *tool) readyNetwork(name string) (network, error) {
	n, err := t.named(name)
	if err != nil {
		return n, err
	}
	if err := t.needPlugins(); err != nil {
		return n, err
	}
	for _, p := range n.list.Plugins {
		if _, err := invoke.FindInPath(p.Network.Type, t.paths()); err != nil {
			return n, pluginError(err)
		}
	}
	return n, nil
}

// needPlugins returns an error if no plugin directory is set.
func (t *tool) needPlugins() error {
	if len(t.paths()) == 0 {
		return usageError(errors.New("no plugin directory is set; set $CNI_PATH, or use --cni-path /opt/cni/bin"))
	}
	return nil
}
