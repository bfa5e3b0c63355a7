// Package dump writes what stores hold as text, and reads it back: JSON Lines, one
// lease in a line, for people, scripts and moves from node to node.
//
// # Format
//
// A file holds one or more networks: of each a header, its leases in ascending order of
// address, IPv4 first, and an end that counts them. docs/formats.md has the keys, and what
// a reader takes and refuses; this is version 1.
//
// # Caveats
//
// A file that was cut exactly between two networks looks whole.
package dump
