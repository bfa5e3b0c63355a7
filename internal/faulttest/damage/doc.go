// Package damage tests what the programs make of stores that a disk, a file system, a
// program or a hand has damaged: bits flipped, pages gone, exchanged or of another
// network, rubbish in lease files, and things in the place of files that are none.
//
// The commands of the plugin run in a process of their own, which is the test program
// again: so whatever kills it, or never ends, is noticed. What they answer is held
// against the leases that there were before the damage.
package damage
