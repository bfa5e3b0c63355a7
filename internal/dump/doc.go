// Package dump writes the content of stores as text, and reads it back: JSON Lines, one
// lease per line, for people, scripts and moves from node to node.
//
// # Format
//
// A file has one or more networks: each has a header, its leases in ascending order of
// address, IPv4 first, its ended leases in the order in which they were recorded, and an end
// with the numbers of both. docs/formats.md lists the keys, and what a reader accepts and
// rejects. A network without a history is written as version 1, which earlier programs
// read, and any other as version 2.
//
// # Caveats
//
// A file truncated exactly between two networks looks complete.
package dump
