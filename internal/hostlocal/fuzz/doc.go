// Package fuzz has no code of its own: its test is the fuzz target of the whole plugin,
// from environment and standard input to what is in the data directory afterwards.
//
// It stands apart from the tests of package hostlocal because the fuzzer looks, after
// each execution, at all code that is linked into the test: see the package of the
// same name below internal/config.
package fuzz
