// Package netconf finds the networks of a node that use host-local: their ranges, and where
// their leases are.
//
// [Read] reads a directory of network configurations as runtimes do, usually
// /etc/cni/net.d; [Load] reads one file. Both find every plugin whose ipam.type is
// host-local, also if another plugin calls it: in delegate and delegates (multus), and in
// the configuration that flannel generates. [Inspect] reads a text from any source, and
// recognizes a NetworkAttachmentDefinition as printed by kubectl.
//
// # Caveats
//
// Runtimes read a directory when they start or when it changes, so what they use can be
// older than what this package finds. Networks from elsewhere, such as the Kubernetes API, which
// multus reads, are not found.
package netconf

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/internal/config"
)

// A Network is a plugin that uses host-local. A network usually has one of these.
type Network struct {
	// The name of the network and the path of its leases.
	config.Network

	// File is the file of the network. Plugins in the subdirectory of a list (CNI 1.1) have
	// the file of their list.
	File string

	// Plugin is the type of the plugin; empty if the file is the input of host-local
	// itself.
	Plugin string

	// Config is the parsed configuration; nil if Err is set.
	Config *config.Config

	// Err says why Config is nil; it is a [config.Error]. Addresses can be released anyway.
	// If RangesElsewhere is set, possibly only ranges are missing, and a container gets its
	// address anyway.
	Err error

	// Text is the configuration of the plugin, as host-local gets it.
	Text []byte

	// UnknownKeys are the keys in ipam that host-local ignores.
	UnknownKeys []config.UnknownKey

	// RangesElsewhere reports whether ranges are added or replaced when a container starts:
	// by the runtime (the capability ipRanges), or from the file in which flannel has the
	// subnet of the node.
	RangesElsewhere bool

	// DisableGC reports whether the list excludes the plugin from a runtime's GC.
	DisableGC bool
}

// Refused returns Err, or nil if only ranges are missing and they come from elsewhere. With
// calico that is assumed of every error.
func (n Network) Refused() error {
	if n.RangesElsewhere && (errors.Is(n.Err, config.ErrNoRanges) || n.Plugin == "calico") {
		return nil
	}
	return n.Err
}

// A File is a text that was searched for networks.
type File struct {
	// Name is the name of the file and, in a NetworkAttachmentDefinition, of the
	// definition.
	Name string

	Text []byte
}

// A Problem is a file, or a plugin in it, that cannot be understood. Runtimes skip such a
// file, or fail.
type Problem struct {
	File string
	Err  error
}

// Error returns the file and the problem.
func (p *Problem) Error() string { return p.File + ": " + p.Err.Error() }

// Unwrap returns Err.
func (p *Problem) Unwrap() error { return p.Err }

// DefaultDir is the default directory of configurations.
const DefaultDir = "/etc/cni/net.d"

// Dir returns the directory of configurations: named if it is not empty, otherwise the
// directory in the environment.
func Dir(named string, getenv func(string) string) string {
	return cmp.Or(named, getenv("NETCONFPATH"), DefaultDir)
}

// A Node is the content of a directory.
type Node struct {
	// Networks are ordered by file, and in a file by plugin. If several files have a network of
	// one name, containerd and CRI-O use the first; a program that asks libcni for it gets the
	// first in a .conflist file, if there is one.
	Networks []Network

	// Problems are ordered by file.
	Problems []*Problem

	// Files are the files that could be read.
	Files []File
}

// Read reads the .conf, .conflist and .json files of a directory in lexical order. A
// directory that does not exist is empty.
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

// Load reads one file: a list of plugins, one plugin, the input of host-local, or a
// NetworkAttachmentDefinition, recognized by its content and not by its name. It is no
// error if the file has nothing about host-local.
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

// Inspect reads a text as Load does. name is the name of its source; the subdirectory
// of a list is looked for beside it.
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

// asRuntimes reads the file by its extension, as runtimes do.
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

// asItIs reads a text by its content.
func (r *reader) asItIs(text []byte) error {
	r.keep(text)
	if isList(text) || filepath.Ext(r.file) == ".conflist" {
		return r.list(text)
	}
	return r.plugin(text)
}

func (r *reader) keep(text []byte) { r.Files = append(r.Files, File{r.file, text}) }

// readRegular is readFile for files found in a directory. Opening a FIFO there would wait
// for a writer.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file (%s)", info.Mode().Type())
	}
	return readFile(path)
}

// readFile returns errors without the name of the file, which a Problem adds.
func readFile(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	var withPath *os.PathError
	if errors.As(err, &withPath) {
		err = withPath.Err
	}
	return text, err
}
