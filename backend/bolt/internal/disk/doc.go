// Package disk has what a bolt store needs of the operating system for its files: opening them
// without following links, allocating space, and what the file system does when a file is
// overwritten.
package disk
