// Package storm has many use one small pool at once, kills some of them, and knows
// what may come of it.
//
// [Run] is a storm of processes: hundreds at a time, of the plugin and of the operator's
// tool, while the network moves from one kind of store to the other and garbage is
// collected. A register notes what each was promised. It can say of no operation what
// its answer must be, but of many what it must not be: an address that somebody holds,
// "exhausted" when the pool cannot have been full. Storms can be of any size.
//
// [Record] is for few operations of up to 64 workers, processes or goroutines that share
// one open store. Of these it is decided whether there is an order, within the times at
// which each began and ended, in which a pool that does one after the other would have
// given the very same answers (linearizability; the package porcupine searches). The
// allocator leases the next free address after the last one leased, so that hardly any
// order explains what a fault has done.
//
// A process that was killed has not answered: what it was to do is done or it is not,
// as a whole, and by the time its death is known.
package storm
