// Package fstype recognizes file systems whose guarantees cannot be queried.
package fstype

const (
	noSharedLocks = "this is a file system in user space (FUSE): two mounts of it share no locks, "
	useOne        = "; use one mount only"

	// NoSharedLocks is the warning for a bolt store in a data directory on [FUSE].
	NoSharedLocks = noSharedLocks + "and plugins that use both lease one address twice" + useOne

	// NoSharedLocksForFiles is the warning for a files store, which needs the lock less: a name is created only once.
	NoSharedLocksForFiles = noSharedLocks + "and an ADD can fail with code 11 while plugins use both" + useOne
)

// LocksWarning returns the warning for a store in a data directory on [FUSE].
func LocksWarning(files bool) string {
	if files {
		return NoSharedLocksForFiles
	}
	return NoSharedLocks
}
