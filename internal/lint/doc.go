// Package lint reports problems of the configurations of a node, and notes about them: for
// each finding the key, its value, and what to write instead.
//
// [Node] checks configurations one by one and then together, because two that are valid
// each can lease the same addresses. It reads no store: callers add what they know about
// leases.
//
// # Problems and notes
//
// A [Finding] is a problem if containers get wrong addresses or none. It is a note if they
// get the right ones anyway. Podman and nerdctl write some of these themselves, and users
// stop reading a check that always complains. So a broadcast address in a range is a note;
// that a container holds it is a problem, which only a reader of the store can report.
//
// The plugin does not reject a configuration because of a finding: a node must not stop on
// the day the plugin is replaced.
package lint
