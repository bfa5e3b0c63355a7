// Package nospace tests what the plugin and the tool do on disks that are full, and where
// they may not write, or not answer.
//
// A DEL has to succeed there: a pod that cannot be deleted keeps its address, and
// whatever else it has. An ADD may fail, but says why, and leaves no lease.
package nospace
