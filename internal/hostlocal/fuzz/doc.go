// Package fuzz has no code, only the fuzz target of the whole plugin, from environment and
// standard input to the data directory afterwards.
//
// It is separate from the tests of package hostlocal because the fuzzer instruments all
// code that is linked into the test: see package internal/config/fuzz.
package fuzz
