// Package fuzz has no code of its own: its test is the fuzz target of package config
// that is to be run ten million times.
//
// The fuzzer looks, after each execution, at the counters of all code that is linked
// into the test, and beside the tests of package config that is a web server and a
// reader of YAML, which come with their assertions. So the target stands here, where
// little is linked: it runs twice as fast.
package fuzz
