// Package docs tests the documents: the commands in them run and print what the documents
// say, links are valid, the files named in the tour of the source exist, and each package
// has one doc comment.
//
// Commands are in code blocks of the language console. A line that begins with "$ " is a
// command; the lines up to the next one are its output. The commands run one after the
// other in a copy of the project, with the system's directories replaced by a sandbox. A
// comment <!-- sh … --> before a block runs lines that readers do not see, for example to
// create leases. The programs in testdata/programs replace runtimes.
package docs
