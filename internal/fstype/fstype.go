// Package fstype tells file systems apart where what they promise cannot be asked for.
package fstype

// NoSharedLocks says what is to be known of a data directory on [FUSE].
const NoSharedLocks = "this is a file system in user space (FUSE): two mounts of it share no locks, " +
	"and plugins that use both lease one address twice; use one mount only"
