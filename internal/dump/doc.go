// Package dump writes what stores hold as text, and reads it back: JSON Lines, one
// lease in a line, for people, scripts and moves from node to node.
//
// # Format
//
// This is version 1. A file holds one or more networks, one after the other, so that
// files can be joined end to end. Each is a header, its leases in ascending order of
// address, IPv4 first, and an end:
//
//	{"leasehold":1,"network":"podnet","store":"bolt","boot":"5b2f7c9e","cursors":{"0":"10.1.0.9"}}
//	{"network":"podnet","address":"10.1.0.2","containerID":"4f2d9c","ifname":"eth0","since":"2026-01-02T03:04:05Z"}
//	{"end":"podnet","leases":1}
//
// The keys of the header are
//
//	leasehold  the version, 1
//	network    the name of the network
//	store      the kind of store that it comes from, files or bolt; may be absent
//	boot       the boot in which leases of earlier boots were last looked for
//	cursors    by range set, the address last handed out
//
// and those of a lease
//
//	network       the name of the network once more
//	address       the address
//	containerID   the container that holds it
//	ifname        the interface of the container
//	since         when the lease was made: RFC 3339, in UTC and whole seconds
//	sinceUnix     the same in seconds since 1970, outside of the years 0 to 9999
//	boot          the boot in which the lease was made
//	podNamespace  the namespace of the Kubernetes pod
//	podName       its name
//	netns         the path of the network namespace
//
// What is not known is absent. The end names the network and counts the leases; a
// file that was cut short lacks it.
//
// A name is any string of bytes, JSON is not. One that is not UTF-8 stands in base64
// (RFC 4648, section 4, padded) under its key with Bytes added: containerIDBytes.
//
// A reader refuses what it does not know, because a lease that is misread is an
// address that is given to two containers: other versions, other keys, a key given
// twice, leases that are not in order. It does take JSON in any spelling, addresses
// too: FD00::01 is fd00::1. Empty lines mean nothing.
//
// # Caveats
//
// A file that was cut exactly between two networks looks whole.
package dump
