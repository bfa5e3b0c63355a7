// Package migrate replaces the store of a network while plugins are using it: by
// one of the other kind ([Run]), or by what can be read of a damaged one
// ([Repair]). It also makes a store with given content where there is none ([Plant]).
//
// Run and Repair take the lock of the place, then the lock of the store, as a plugin does, and
// build its successor aside.
// The successor is read back and compared before it matters: number and digest of
// all leases and cursors. Then the two change places (package exchange). Plugins
// that wait for the lock meanwhile find, once they have it, that the path names
// another store, and go on with that one.
//
// Until the two change places, a kill or a power cut leaves the old store in its
// place and something aside that the next Run removes; afterwards, the new one.
// What was replaced is kept.
package migrate
