// Package config parses the input of an IPAM plugin, the JSON on its standard input and the
// variable CNI_ARGS, into validated values. It does so once: its values are in canonical
// form, and no other package validates them again.
//
// Each command reads only what it needs, so that a container can release its address even
// if the configuration was damaged after the container started:
//
//   - [Parse] reads all of it, for ADD, CHECK and STATUS.
//   - [ParsePrevResult] reads the addresses that CHECK compares.
//   - [ParseNetwork] reads which store has the leases, for DEL.
//   - [ParseAttachments] reads that and the valid attachments, for GC.
//   - [Version] reads the CNI version, which decides whether the rest is
//     worth reading.
//
// The keys, their case-insensitive matching and their accepted spellings are the same as in
// the CNI project's host-local plugin. Additional keys are backend, exclude, onDuplicate,
// onReboot, exhaustedStatus, history, reuseAfter, reuseAfterStrict, cluster, space and
// lockTimeout, the gateway "none", and the keys of 2015, range-start and range-end.
//
// # Errors
//
// Every error is an [Error]. Its Kind determines the CNI error code, its text begins as
// host-local's does, because people search their logs for it, and its Advice is the next
// step.
//
// # Caveats
//
// The package is part of a process that runs for two milliseconds: it uses no regular
// expressions, no tables built at start-up, and no imports that need them.
//
// Unknown keys are ignored, as CNI requires, so a misspelt key goes unnoticed;
// [UnknownKeys] lists them. Unknown values of a known key are rejected.
package config
