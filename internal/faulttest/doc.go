// Package faulttest is what the tests of reliability share: a network whose pool is
// small enough to be leased to the end, the programs as they are built, and what must
// hold of a store whatever happened to it.
//
// The packages below it are the ways to make something happen: ptracer stops a process
// at a system call, powercut takes away what was not synced. The tests are beside what
// they need. They are quick unless LEASEHOLD_EXHAUSTIVE is set in the environment;
// docs/reliability.md has the figures of a run in which it was.
package faulttest
