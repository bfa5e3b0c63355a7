// Package netns tells whether the network namespace of a lease still exists.
//
// An address is in use as long as the namespace exists: its interface is removed with the
// namespace, even if the processes in it ended before.
//
// # Caveats
//
// A path is looked up in the mount and process namespaces of this process. Runtimes can
// have others: containers, systemd units with a private /run. So a path that does not exist
// proves nothing, with one exception ([Gone]).
package netns

import "net/netip"

// A State is what is known about a namespace.
type State int

const (
	// Unknown means that nothing is known.
	Unknown State = iota

	// Exists means that the namespace exists.
	Exists

	// Gone means that it was the namespace of a process that has ended.
	Gone
)

// Look returns the state of the network namespace at a path, the CNI_NETNS of an ADD. It
// opens the path, and can block as long as its file system does.
func Look(path string) State { return look(path) }

// Addresses returns the addresses of interfaces, each with the path of its network
// namespace, in all namespaces that this process sees and may enter. A missing address
// proves nothing.
func Addresses() map[netip.Addr]string { return addresses() }
