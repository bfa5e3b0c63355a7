// Package manyhosts tests hosts that share one range, with what they consist of: the plugin and
// leasehold-cluster as processes, and servers of etcd. A host is a data directory and a directory
// with its settings; nothing else of a machine matters to the plugin. Where the network between hosts and
// servers is what fails, each is a machine of package wire.
//
// What the hosts answer is a history, which is checked for linearizability.
package manyhosts
