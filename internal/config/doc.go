// Package config turns what a CNI runtime hands to an IPAM plugin, the JSON on
// its standard input and the variable CNI_ARGS, into validated values. It does
// so once: what it returns is in canonical form, and nothing behind it validates
// again.
//
// Each command reads as much as it needs and no more, so that a configuration
// that was damaged after a container had started can still release its address:
//
//   - [Parse] reads all of it, for ADD, CHECK and STATUS.
//   - [ParsePrevResult] reads the addresses that CHECK compares.
//   - [ParseNetwork] reads which store holds the leases, for DEL.
//   - [ParseAttachments] reads that and what is still in use, for GC.
//   - [Version] reads the version of CNI, which decides whether the rest is
//     worth reading.
//
// The keys, their case-insensitive matching and their accepted spellings are
// those of the CNI project's host-local plugin. In addition there are backend,
// exclude, onDuplicate, onReboot, exhaustedStatus and lockTimeout, the gateway
// "none", and the keys of 2015, range-start and range-end.
//
// # Errors
//
// Every error is an [Error]. Its Kind decides the CNI error code, its text
// begins as host-local's does, because people search their logs for that, and
// its Advice is the next step.
//
// # Caveats
//
// The package is linked into a process that lives two milliseconds: no regular
// expressions, no tables built at start-up, no imports that bring them along.
//
// Unknown keys are ignored, as CNI demands, so a misspelt key goes unnoticed, but by
// who asks [UnknownKeys]. Unknown values of a known key are refused.
package config
