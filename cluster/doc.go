// Package cluster shares one range of addresses among hosts.
//
// The range is cut into blocks. A host gets blocks from an [Engine], which all hosts can reach,
// for instance etcd, and keeps them in its own store ([backend.SharedTx]). From then on it leases
// their addresses by itself: an ADD, DEL or CHECK needs no other host and no engine.
//
// A [Member] is a host, an [Admin] the view of an operator.
//
// # Invariants
//
// No address is leased on two hosts. A host leases only from blocks that are open in its store. A
// block gets there only after a transaction of the engine that has created its key, of which there
// is one. It leaves the engine in three ways only:
//
//   - its host gives it back, and has closed it in its store before, with no lease in it;
//   - an operator evicts the host, which is switched off, and leases nothing after it was switched on
//     again, because it was not attested in that boot;
//   - the engine loses data, which the next host that makes a request notices before it uses what it
//     got, and then halts the space.
//
// No block is held by a host that does not know of it: before a host asks, it records what it is
// going to ask for, and it asks for the same until it knows what became of it.
//
// # Requests
//
// A request has a mark, which is random, and the sequence number of its host. It is one transaction
// of the engine, which writes the record of the host with both, on the condition that the record is
// as the host has seen it. So it is done at most once, however often it is sent, and however late
// it arrives; and if the answer is lost, the record shows whether it was done. A record with a number
// that the host has not given out means that there is a copy of its store.
//
// # Assumptions
//
// The engine is linearizable, and an fsync of the host's store holds. A host that is evicted is
// switched off. Of two running copies of a machine, with the same fingerprint in the same boot,
// both lease from the same blocks until the second one makes a request. If all servers of the
// engine are set back together with their log, only hosts that have seen more notice.
//
// # Stability
//
// Until v1.0 a minor version may change the exported names; the CHANGELOG then lists the
// new ones.
package cluster
