// Package hostlocal is the CNI IPAM plugin host-local: environment and JSON in,
// a CNI result or a CNI error out.
//
// [Plugin.Run] is one execution of the plugin. It takes all that a process gets as
// values, so that tests and programs that link the plugin run it in process.
//
// The way of an ADD: the environment becomes a [request], standard input a
// config.Config, which holds only what is valid; stores.Open finds the store of
// the network, allocator.Allocate leases in one transaction, and the assignments
// become a result of the CNI version that was asked for. An error that comes back
// from any of them is given its CNI code, and the next command to run, in one
// place: explain.
//
// # Caveats
//
// An IPAM plugin touches no network namespace. Where CNI_NETNS, CNI_IFNAME or
// CNI_PATH is missing, a default stands in, as host-local of 2015 had it.
package hostlocal
