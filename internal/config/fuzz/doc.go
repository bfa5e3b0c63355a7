// Package fuzz has no code, only the fuzz target of package config that is run ten million
// times.
//
// After each execution the fuzzer reads the counters of all code linked into the test. In
// the tests of package config that includes a web server and a YAML reader, which come with
// their assertions. Here little is linked, and the target runs twice as fast.
package fuzz
