// Package simulation runs schedules of hosts, of what goes wrong with them, and of the network, on
// the real [cluster.Member], [cluster.Admin] and stores, and an engine in memory.
//
// Processes are coroutines. They stop before and after each transaction of a store, and at each call
// of the engine. What happens next is drawn: one of them goes on or is killed, a call arrives, its
// answer arrives or is lost, it arrives later or twice; a container starts or ends; a machine is
// switched off and on, is installed again, is copied to another machine, or gets an old copy of its
// store; a host is evicted; the engine is backed up and restored, and the space is recovered, also
// while it is restored once more; hosts join with leases. The same seed draws the same.
//
// After each start of a container no other machine may have a container with that address. At the
// end, once the network works and every process has ended, each host must know of all blocks that
// the engine believes it to hold, and no others, and have its leases in open blocks; a space that was
// halted must be one that can be recovered; and unless something had gone wrong that only an
// operator can decide on, no host may be stopped.
package simulation
