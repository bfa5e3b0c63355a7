package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/containernetworking/cni/libcni"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/fstype"
	"github.com/leasehold/leasehold/internal/lint"
	"github.com/leasehold/leasehold/internal/netconf"
)

// subjects are the networks that validate checks, with what lint found on the whole node.
type subjects struct {
	networks []network
	node     netconf.Node // every configuration on the node
	found    []lint.Finding
	problems []*netconf.Problem
}

// subjects returns the named network, the networks of the file conf, or all networks.
func (t *tool) subjects(names []string, conf string) (s subjects, err error) {
	var node netconf.Node
	switch {
	case conf != "":
		s.networks, node, err = t.networksInFile(conf)
	case len(names) > 0:
		var n network
		n, err = t.named(names[0])
		s.networks = []network{n}
	default:
		s.networks, err = t.networks()
	}
	if err == nil && conf == "" {
		node, err = netconf.Read(t.confDir)
	}
	if err != nil {
		return subjects{}, err
	}
	host, err := t.hostAddrs()
	if err != nil {
		return subjects{}, fmt.Errorf("read the addresses of this host: %w", err)
	}
	s.node, s.found, s.problems = node, lint.Node(node, host), node.Problems
	return s, nil
}

// networksInFile returns the networks of a file, and the node to lint: the file, and the
// other configurations on the node for comparison.
func (t *tool) networksInFile(file string) (all []network, node netconf.Node, err error) {
	text, err := t.read(file)
	if err != nil {
		return nil, node, usageError(err)
	}
	for _, c := range netconf.Split(file, text) {
		n := network{file: c.Name, err: c.Err}
		if n.err == nil {
			n.list, n.err = parseNetwork(file, c.Text)
		}
		all = append(all, n)
	}
	node = netconf.Inspect(file, text)
	others, err := netconf.Read(t.confDir)
	for _, n := range others.Networks {
		if !sameFile(n.File, file) {
			node.Networks = append(node.Networks, n)
		}
	}
	return all, node, err
}

func (t *tool) read(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(t.in)
	}
	text, err := os.ReadFile(file)
	if p := (*os.PathError)(nil); errors.As(err, &p) {
		err = fmt.Errorf("--conf %s: %w", p.Path, p.Err)
	}
	return text, err
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y) // A missing file is never the same.
}

// parseNetwork reads a list, or a single plugin as a list of one, whatever the file is
// called.
func parseNetwork(file string, text []byte) (list *libcni.NetworkConfigList, err error) {
	var conf struct {
		Plugins json.RawMessage `json:"plugins"`
	}
	switch {
	case json.Unmarshal(text, &conf) != nil || conf.Plugins == nil:
		list, err = singlePlugin(text)
	case filepath.Ext(file) == ".conflist": // its plugins can also be in a directory
		list, err = libcni.NetworkConfFromFile(file)
	default:
		list, err = libcni.NetworkConfFromBytes(text)
	}
	return checkName(list, err)
}

// findingsFor returns all findings for a network. For a file that cannot be read, netconf's
// error is preferred to libcni's, because it names the position.
func (s subjects) findingsFor(n network) (findings []finding) {
	for _, p := range s.problems {
		if p.File == n.file {
			findings = append(findings, finding{Problem: p.Err.Error()})
		}
	}
	if n.err != nil && len(findings) == 0 {
		findings = append(findings, finding{Problem: n.err.Error()})
	}
	name := ""
	if n.list != nil {
		name = n.list.Name
	}
	for _, f := range s.found {
		if f.File == n.file || f.OtherFile == n.file {
			findings = append(findings, asFinding(f, name))
		}
	}
	return append(findings, s.locks(n)...)
}

// locks returns a note if the data directory does not share locks with other mounts. With a
// single mount that is no problem.
func (s subjects) locks(n network) []finding {
	for _, c := range s.node.Networks {
		if c.File == n.file && fstype.FUSE(c.DataDir) {
			return []finding{{Plugin: "host-local", Note: c.DataDir + ": " + fstype.LocksWarning(usesFiles(c.Network))}}
		}
	}
	return nil
}

// usesFiles reports whether a network has a files store, or its first ADD will make one.
func usesFiles(n config.Network) bool {
	if info, err := os.Stat(n.Path()); err == nil {
		return info.IsDir()
	}
	return n.Backend != config.Bolt
}
