// Package faulttest is shared by the reliability tests. It has a network whose pool is
// small enough to exhaust, builds the programs, and checks what must hold for a store
// whatever happened to it.
//
// The packages below it provide the faults and their tests. For example, ptracer stops a
// process at a system call, and powercut discards data that was not synced. The tests run a
// quick part unless LEASEHOLD_EXHAUSTIVE is set in the environment; docs/reliability.md has
// the figures of an exhaustive run. With -short, tests that run the programs are skipped.
// CONTRIBUTING.md says how to replay a storm, or one workload of the power cuts.
package faulttest
