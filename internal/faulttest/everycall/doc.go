// Package everycall tests the plugin and leasehold with a kill or an error at each of their
// system calls on files.
package everycall
