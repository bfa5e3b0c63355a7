// Package security has no code of its own: its tests are the evidence for SECURITY.md.
//
// They run the real programs, on both stores, with names that try to leave the data
// directory, under every umask, with links where files are expected, and as another
// user; and compare all there is around the data directory before and after.
package security
