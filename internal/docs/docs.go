// Package docs holds the tests that keep the documents true: the commands in them work
// and answer what they say, links lead somewhere, what the tour of the source names is
// there, and each package has one doc comment.
//
// A document's commands stand in blocks of the language console: a line that begins
// with "$ " is a command, and those up to the next one are its answer. They run in a copy
// of the project, one after the other, and what they do to the system's directories is
// done to others. What a command needs to find, such as leases of pods, is made by the
// lines of a comment <!-- sh … --> before it; the programs of runtimes are stood in for by
// those in testdata/programs.
package docs
