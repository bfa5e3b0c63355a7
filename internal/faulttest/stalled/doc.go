// Package stalled tests what processes do that are stopped, slow, or not waited for any
// more, and what becomes of those beside them.
//
// A process that is stopped keeps the others waiting while it has the lock of a network, and
// at no other time: not while it waits for the lock itself, for its input, or for a reader
// of its output. And what comes to its turn only when its caller has gone does nothing.
package stalled
