// Package fstype recognizes file systems whose guarantees cannot be queried.
package fstype

// NoSharedLocks is the warning for a data directory on [FUSE].
const NoSharedLocks = "this is a file system in user space (FUSE): two mounts of it share no locks, " +
	"and plugins that use both lease one address twice; use one mount only"
