// Package everycall holds the tests that stop the plugin and the tool at each of their
// system calls on files, and kill them there or have the call fail.
package everycall
