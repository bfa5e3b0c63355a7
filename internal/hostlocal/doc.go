// Package hostlocal is the CNI IPAM plugin host-local: environment and JSON in,
// a CNI result or a CNI error out.
//
// [Plugin.Run] is one execution of the plugin. It takes all inputs of a process as values,
// so that tests, and programs that link the plugin, can run it in process.
//
// An ADD works like this: the environment becomes a [request]; standard input becomes a
// config.Config, which has only valid values; stores.Open opens the store of the network;
// allocator.Allocate leases in one transaction; the assignments become a result of the
// requested CNI version. Errors from any of these get their CNI code, and the next command
// to run, in one place: explain.
//
// # Caveats
//
// An IPAM plugin touches no network namespace. If CNI_NETNS, CNI_IFNAME or CNI_PATH is
// missing, a default is used, as in the host-local of 2015.
package hostlocal
