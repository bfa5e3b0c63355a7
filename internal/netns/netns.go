// Package netns says whether a network namespace that a lease names is still there.
//
// An address is in use for as long as the namespace exists: the interface that has it
// goes with the namespace, whatever becomes of the processes in it.
//
// # Caveats
//
// A path is looked up in the mount and process namespaces of this process. Runtimes can
// have others: containers, systemd units with a private /run. So a path that leads
// nowhere says nothing, but for one case ([Gone]).
package netns

import "net/netip"

// A State is what is known of a namespace.
type State int

const (
	// Unknown is a namespace of which nothing is known.
	Unknown State = iota

	// Exists is one that is there.
	Exists

	// Gone is one of a process that has ended.
	Gone
)

// Look says what is known of the network namespace at a path, which is the CNI_NETNS of
// an ADD. It opens the path, and can take as long as its file system does.
func Look(path string) State { return look(path) }

// Addresses returns the addresses that interfaces have, each with the path of the network
// namespace it is in, as far as this process may enter the namespaces that it sees. That
// an address is missing says nothing.
func Addresses() map[netip.Addr]string { return addresses() }
