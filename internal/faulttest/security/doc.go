// Package security has only tests: they are the evidence for SECURITY.md.
//
// The tests run the real programs on both stores: with names that try to escape from the
// data directory, with several umasks, with links in place of files, and as another user.
// They compare everything in and around the data directory before and after.
package security
