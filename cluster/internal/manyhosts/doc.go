// Package manyhosts tests hosts that share one range, with what they consist of: the plugin and
// leasehold-cluster as processes, and servers of etcd. A host is a data directory and a directory
// with its settings; nothing else of a machine matters to the plugin.
package manyhosts
