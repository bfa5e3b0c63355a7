// Package nospace tests the plugin and leasehold on full disks, without write permission,
// and with a broken standard output.
//
// A DEL must succeed on a full disk, because a pod that cannot be deleted keeps its address
// and all its other resources. An ADD may fail with an error, but leaves no lease.
package nospace
