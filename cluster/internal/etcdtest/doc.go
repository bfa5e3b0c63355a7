// Package etcdtest runs servers of etcd for tests, as processes, so that they can be killed,
// stopped, and restored from a backup. Their module, .ci/etcd, is no dependency of package cluster.
//
// The servers do not sync what they write, unless a flag says so: no test cuts the power of one.
package etcdtest
