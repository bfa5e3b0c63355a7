// Package netconf finds the networks of a node that have their addresses from
// host-local: what they may hand out, and where their leases are.
//
// [Read] reads the directory in which runtimes look for network configurations, as
// they do, /etc/cni/net.d mostly; [ReadFile] reads one file. Either looks at every
// plugin whose ipam.type is host-local, and at those that another plugin calls: in
// delegate and delegates (multus), and what flannel makes of its own configuration.
// [Inspect] reads a text from wherever, and knows a NetworkAttachmentDefinition, as
// kubectl prints it, when it sees one.
//
// # Caveats
//
// What counts is what runtimes have read, and they read a directory when they start
// or when something in it changes: what is found here may come into force later, or
// have been changed since. Networks that a runtime has from elsewhere, such as multus
// from the API of Kubernetes, are not found.
package netconf

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/internal/config"
)

// A Network is a plugin that has its addresses from host-local. A network is usually
// one of these.
type Network struct {
	// The name of the network, and where its leases are.
	config.Network

	// File is the file of the network. Plugins that stand in a directory beside
	// it (CNI 1.1) have the file of their list.
	File string

	// Plugin is the type of the plugin; empty where a file holds the input of
	// host-local itself.
	Plugin string

	// Config is all that the configuration says; nil if Err is not.
	Config *config.Config

	// Err says why Config is nil, and is a [config.Error]. Addresses can be
	// released all the same. Where RangesElsewhere is set, ranges may be all
	// that is missing, and a container gets its address all the same.
	Err error

	// Text is the configuration of the plugin, which is what host-local gets.
	Text []byte

	// UnknownKeys are the keys in ipam that host-local passes over.
	UnknownKeys []config.UnknownKey

	// RangesElsewhere reports that ranges come when a container starts, in place
	// of those in Config or besides them: from the runtime (the capability
	// ipRanges), or out of the file in which flannel has the subnet of the node.
	RangesElsewhere bool

	// DisableGC reports that the list of the plugin keeps a runtime's GC from it.
	DisableGC bool
}

// Refused returns Err, unless ranges are all that is missing, and come from elsewhere.
func (n Network) Refused() error {
	if n.RangesElsewhere && (errors.Is(n.Err, config.ErrNoRanges) || n.Plugin == "calico") {
		return nil
	}
	return n.Err
}

// A File is a text in which networks were looked for.
type File struct {
	// Name is that of the file and, of a NetworkAttachmentDefinition in it, what
	// that is called.
	Name string

	Text []byte
}

// A Problem is a file, or a plugin in it, that cannot be understood. Runtimes pass
// such a file over, or stop at it.
type Problem struct {
	File string
	Err  error
}

// Error returns the file and what is wrong with it.
func (p *Problem) Error() string { return p.File + ": " + p.Err.Error() }

// Unwrap returns what is wrong.
func (p *Problem) Unwrap() error { return p.Err }

// DefaultDir is where configurations are unless it is said otherwise.
const DefaultDir = "/etc/cni/net.d"

// Dir returns the directory of the configurations: the one that is named, or else that of
// the environment.
func Dir(named string, getenv func(string) string) string {
	return cmp.Or(named, getenv("NETCONFPATH"), DefaultDir)
}

// A Node is what a directory says.
type Node struct {
	// Networks are in the order of their files, and within a file in that of
	// the plugins.
	Networks []Network

	// Problems are in the order of their files.
	Problems []*Problem

	// Files are those that could be read.
	Files []File
}

// Read reads the files of a directory that end in .conf, .conflist and .json, in
// lexical order. A directory that does not exist is empty.
func Read(dir string) (Node, error) {
	files, err := confFiles(dir, ".conf", ".conflist", ".json")
	if err != nil {
		return Node{}, err
	}
	var n Node
	for _, file := range files {
		r := reader{Node: &n, file: file}
		r.problem(r.asRuntimes())
	}
	return n, nil
}

// Named returns the networks of a name, in order. Where several files have a network
// of that name, containerd and CRI-O take the first; a program that asks libcni for
// the network gets the first that ends in .conflist, if there is one.
func (n Node) Named(name string) []Network {
	var named []Network
	for _, network := range n.Networks {
		if network.Name == name {
			named = append(named, network)
		}
	}
	return named
}

// ReadFile reads one file, which holds a list of plugins, one plugin, what host-local
// itself gets as its input, or a NetworkAttachmentDefinition; what it holds is told by
// looking, and not by the name of the file. That none of it is about host-local is no
// error, and the networks are none then.
func ReadFile(path string) ([]Network, error) {
	n, err := Load(path)
	return n.Networks, err
}

// Load is ReadFile for one who wants the text as well.
func Load(path string) (Node, error) {
	text, err := readFile(path)
	if err != nil {
		return Node{}, &Problem{path, err}
	}
	n := Inspect(path, text)
	var errs []error
	for _, p := range n.Problems {
		errs = append(errs, p)
	}
	if len(errs) > 0 {
		return Node{}, errors.Join(errs...)
	}
	return n, nil
}

// Inspect reads a text as ReadFile does, with a name for what it was read from. A directory
// of plugins is looked for beside the file of that name.
func Inspect(name string, text []byte) Node {
	var n Node
	for _, c := range Split(name, text) {
		r := reader{Node: &n, file: c.Name}
		if c.Err != nil {
			r.problem(c.Err)
			continue
		}
		r.problem(r.asItIs(c.Text))
	}
	return n
}

// asRuntimes reads the file as what its name says.
func (r *reader) asRuntimes() error {
	text, err := readRegular(r.file)
	if err != nil {
		return err
	}
	r.keep(text)
	if filepath.Ext(r.file) == ".conflist" {
		return r.list(text)
	}
	return r.typed(text)
}

// asItIs reads a text as what it is.
func (r *reader) asItIs(text []byte) error {
	r.keep(text)
	if isList(text) || filepath.Ext(r.file) == ".conflist" {
		return r.list(text)
	}
	return r.plugin(text)
}

func (r *reader) keep(text []byte) { r.Files = append(r.Files, File{r.file, text}) }

// readRegular is readFile for what somebody has put into a directory. To open a FIFO there
// would wait for one who writes to it.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("it is no regular file (%s)", info.Mode().Type())
	}
	return readFile(path)
}

// readFile returns an error that does not name the file: a Problem does.
func readFile(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	var withPath *os.PathError
	if errors.As(err, &withPath) {
		err = withPath.Err
	}
	return text, err
}
