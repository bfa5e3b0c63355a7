package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/files"
)

// A stray is a file or directory in a data directory that never was a store and that no
// configuration names, such as the socket of the dhcp plugin in Nomad's data directory.
// Commands mention it but do not treat it as a network, because its permanent error would
// hide the errors of networks.
type stray struct {
	network
	description string
}

// withoutStrays removes strays from all, and records them in t.strays.
func (t *tool) withoutStrays(all []network) []network {
	t.strays = nil
	return slices.DeleteFunc(slices.Clone(all), func(n network) bool {
		description := n.describeStray()
		if description != "" {
			t.strays = append(t.strays, stray{n, description})
		}
		return description != ""
	})
}

// describeStray describes what is at the path of the network if that never was a store. It
// returns nothing if a configuration names the network: then the file keeps the plugin from
// making a store, which is an error.
func (n network) describeStray() string {
	info, err := os.Stat(n.path)
	link, errLink := os.Lstat(n.path)
	if len(n.confs) > 0 || errLink != nil {
		return ""
	}
	isLink := link.Mode()&fs.ModeSymlink != 0
	switch {
	case err != nil:
		// Commands report the error. A dangling link is not a stray: it can lead to a store on a
		// disk that is not mounted.
		return ""
	case info.IsDir() && files.IsStray(n.path):
		return "a directory that is not a lease store"
	case info.IsDir():
		return ""
	case isLink:
		return "a symbolic link to something other than a directory"
	case isPart(n.path):
		return "a file of the files store " + filepath.Dir(n.path)
	case info.Mode().IsRegular() && bolt.IsStray(n.path):
		return "a file that is not a lease store"
	case info.Mode().IsRegular():
		return ""
	}
	return describeMode(info.Mode())
}

// describeMode names a file type other than regular file and directory.
func describeMode(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}

// warnOfStrays names the strays, which the command ignores, and the further names of stores.
func (t *tool) warnOfStrays() {
	for _, s := range t.strays {
		t.warn("%s: %s, ignored", s.path, s.description)
	}
	for _, n := range t.namesakes {
		t.warn("%s", n.namesakeText())
	}
}
