// Package storm runs many processes and goroutines on one small pool, kills some of them,
// and checks their answers.
//
// [Run] runs a storm of processes: hundreds at once, of the plugin and of leasehold, while
// the network is migrated between stores and garbage is collected. An oracle tracks what
// each container may hold. It cannot predict every answer, but it rejects impossible ones:
// an address that another container holds, or "exhausted" when the pool cannot have been
// full. A storm can have any size.
//
// [Record] is for fewer operations by up to 64 workers, which are processes or goroutines
// that share one open store. It records a history that is checked for linearizability with
// the package porcupine: is there an order of the operations, each between its start and
// its end, in which a sequential pool gives the same answers? The allocator leases the next
// free address after the last one leased, so hardly any order explains what a fault has
// done.
//
// A killed process has not answered. Its operation is done or not, as a whole, by the time
// its death is known.
package storm
