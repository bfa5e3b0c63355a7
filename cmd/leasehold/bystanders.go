package main

import (
	"io/fs"
	"os"
	"slices"

	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/files"
)

// A bystander is something in a data directory that never was a store, and that no
// configuration is about: the socket of the dhcp plugin is where Nomad has its leases. It
// is told of where somebody may want to know, and is no network: a failure that is there for
// good would hide the others.
type bystander struct {
	network
	what string
}

// withoutBystanders returns the networks, and keeps what is none.
func (t *tool) withoutBystanders(all []network) []network {
	t.bystanders = nil
	return slices.DeleteFunc(all, func(n network) bool {
		what := n.whatElse()
		if what != "" {
			t.bystanders = append(t.bystanders, bystander{n, what})
		}
		return what != ""
	})
}

// whatElse says what is in the place of a store, if that never was one; else nothing. Where a
// configuration says that a store is to be there, whatever is there is in its way.
func (n network) whatElse() string {
	info, err := os.Stat(n.path)
	link, errLink := os.Lstat(n.path)
	if len(n.confs) > 0 || errLink != nil {
		return ""
	}
	isLink := link.Mode()&fs.ModeSymlink != 0
	switch {
	case err != nil:
		// The commands say so. A link to nothing can have led to a store, on a disk that is not
		// mounted: no address is free until it is removed.
		return ""
	case info.IsDir() && files.IsStray(n.path):
		return "a directory with nothing of a store in it"
	case info.IsDir():
		return ""
	case isLink:
		return "a symbolic link to what is no directory"
	case info.Mode().IsRegular() && bolt.IsStray(n.path):
		return "a file that is no lease store"
	case info.Mode().IsRegular():
		return ""
	}
	return kindOf(info.Mode())
}

// kindOf names what is neither a file nor a directory.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "no file"
}

// tellBystanders says what was passed over.
func (t *tool) tellBystanders() {
	for _, b := range t.bystanders {
		t.warn("%s: %s, passed over", b.path, b.what)
	}
}
