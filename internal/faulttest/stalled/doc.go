// Package stalled tests processes that are stopped or slow, or whose caller has gone.
//
// A stopped process blocks others only while it holds the lock of a network: not while it
// waits for the lock, for input, or for a reader of its output. A plugin that gets the lock
// after its caller has gone does nothing.
package stalled
