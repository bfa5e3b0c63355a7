// Package damage tests the programs on damaged stores: flipped bits, zeroed or exchanged
// pages, pages of another network, rubbish in lease files, and directories, links and other
// objects in place of files.
//
// The plugin's commands run in a worker process, which is the test program itself, so that
// a crash or a hang is noticed. Its answers are compared with the leases from before the
// damage.
package damage
