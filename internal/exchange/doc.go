// Package exchange replaces one store with another, at the one path of a network, while plugins
// use it.
//
// Stores that are not in use are in the directory .leasehold beside the stores. No network has
// that name, because names of networks do not begin with a dot, and programs that list the
// stores of a node skip it:
//
//	<network>.new-dir                    a directory that is being built
//	<network>.new-file                   a file that is being built
//	<network>.before-<why>-<time>        a store that was replaced
//	<network>.before-<why>-<time>.jsonl  an export of what the new store cannot hold
//	<network>.before-<why>-<time>.next   a waiting store: see below
//	<network>.pruned                     a replaced store that is being removed
//	<network>.lock                       locked with flock(2) by a program that makes a store here
//	lock                                 locked by it, too, shared: earlier versions know only that
//
// [Place.Swap] moves a new store into place by one system call that exchanges two names
// (renameat2 with RENAME_EXCHANGE: ext4, xfs, btrfs, tmpfs, overlayfs), or one that replaces a
// name if both stores are files.
//
// # Stores that were replaced
//
// Before that, Swap marks the old store ([Marked]), so that it is not used through another
// mount. A store that finds its mark, or is not clean, calls [Place.State] under its lock to
// learn what that means: it was replaced; it was about to be replaced, and is in use; or it
// must give way to a waiting store.
//
// # File systems that cannot exchange
//
// On these, the old store has to leave before the new one can come, and for a moment the place
// is empty. The stock plugin, and any program that does not know this package, would make a new
// store there and lease addresses again. So the new store waits under a name that says what it
// waits for: once the old store has its backup name, the store whose name ends in .next is the
// store of the network, even if the process that was about to move it is killed. A program that
// finds the place empty calls [Place.FinishSwap], which moves the waiting store there.
//
// The stock plugin does not do that. Where it runs beside this one on such a file system, do
// not start or stop containers during a migration.
package exchange
