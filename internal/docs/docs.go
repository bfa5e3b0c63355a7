// Package docs holds the tests that keep the documents true: the commands of the
// README work and answer what it says, and each package has one doc comment.
package docs
