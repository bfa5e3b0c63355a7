// Package etcd is a [cluster.Engine] on etcd v3.
//
// An [Engine] makes all calls through one member of the servers, which it chooses when it is first
// used, and chooses again after a call failed for a reason that another member may not have. So
// [Engine.Origin] is about the member that the calls before it went through, and what it says is
// from one answer of that member: the revision and the index of the raft log, which only together
// tell whether the servers were restored from a backup.
//
// A write is never sent twice. If the answer is lost, the error is a [cluster.ErrUnknown].
//
// # Caveats
//
// Servers that speak the protocol of etcd but have no raft log, such as kine, are rejected: a
// restore from a backup would not show, and after it two hosts could get the same addresses.
//
// The servers have a limit of operations in a transaction, [cluster.MaxOps] unless
// --max-txn-ops says otherwise. With a smaller one they reject large requests.
//
// # Stability
//
// Until v1.0 a minor version may change the exported names; the CHANGELOG then lists the
// new ones.
package etcd
