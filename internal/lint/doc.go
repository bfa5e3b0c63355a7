// Package lint says what is wrong with the configurations of a node, and what one should
// know of them: for each finding the key, its value, and what to write instead.
//
// [Node] looks at configurations one by one and then at all of them together, because two
// that are right each for itself can give out the same addresses. It reads no store: what
// is leased is for the caller to add.
//
// # Problems and notes
//
// A [Finding] is a problem if containers get addresses that they should not have, or none.
// It is a note if containers get what they should all the same. Podman and nerdctl write
// some of these themselves, and a check that is never content is not looked at any more. So
// a broadcast address in a range is a note; that a container has it is a problem, which
// only who reads the store can say.
//
// Nothing here is refused by the plugin for being found: a node must not stop on the day on
// which the plugin is replaced.
package lint
