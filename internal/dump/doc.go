// Package dump writes the content of stores as text, and reads it back: JSON Lines, one
// lease per line, for people, scripts and moves from node to node.
//
// # Format
//
// A file has one or more networks: each has a header, its leases in ascending order of
// address, IPv4 first, and an end with their number. docs/formats.md lists the keys, and
// what a reader accepts and rejects; this is version 1.
//
// # Caveats
//
// A file truncated exactly between two networks looks complete.
package dump
