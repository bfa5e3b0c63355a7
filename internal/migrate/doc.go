// Package migrate replaces the store of a network while plugins use it: by a store of the other
// kind ([Run]), or by the readable part of a damaged one ([Repair]). It also makes a store with
// given content at a free path ([Create]).
//
// Run and Repair lock the place, and then the store as a plugin does, and build its successor
// in .leasehold. The successor is locked, read back, and compared by the number and digest of
// all leases, cursors, blocks, ended leases and cooling addresses. Then the old store is marked as
// replaced, and the two are exchanged (package exchange). Plugins that wait for the lock meanwhile
// notice, once they have it, that the path names another store, and continue with that one.
//
// Before the exchange, a kill or a power cut leaves the old store in its place, and files in
// .leasehold that the next Run removes; afterwards, the new store is in place. The old store is
// kept as a backup.
package migrate
