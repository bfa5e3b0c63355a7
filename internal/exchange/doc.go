// Package exchange puts one store in the place of another, at the one path that a
// network has, while plugins are using it.
//
// What is not in use has names in the directory .leasehold beside the stores. No
// network has that name, because names of networks do not begin with a dot, and
// whoever walks over the stores of a node passes it by:
//
//	<network>.new-dir                    a directory that is being built
//	<network>.new-file                   a file that is being built
//	<network>.before-<why>-<time>        the store that was replaced
//	<network>.before-<why>-<time>.jsonl  what its successor cannot hold
//	<network>.before-<why>-<time>.next   see below
//	<network>.pruned                     what stood there before, and is being removed
//	<network>.lock                       taken with flock(2) by a program that makes a store here
//	lock                                 taken by it, too, shared: earlier versions know only that
//
// A store that has been built is put in place by [Place.Swap]: by one system call
// that exchanges two names (renameat2 with RENAME_EXCHANGE: ext4, xfs, btrfs,
// tmpfs, overlayfs), or by one that replaces a name, if both are files.
//
// # Stores that were replaced
//
// Before that, the old store is marked ([Marked]), so that it is not used through another
// mount. A store that finds its mark, or that was not left clean, asks [Place.State] what
// that means, under its lock: that it was replaced; that it was about to be, and is in use;
// or that it has to give way to a store that waits.
//
// # File systems that cannot exchange
//
// There the old store has to leave before the new one can come, and for a moment
// nothing stands in the place. The stock plugin, and any program that knows nothing
// of this package, would make a new store there and lease addresses again. So the
// new store waits under a name that says what it waits for: once the old one has
// its name aside, the one that ends in .next is the store of the network, whatever
// becomes of the process that was about to move it. Whoever finds nothing in
// the place asks [Place.FinishSwap], which moves it there.
//
// The stock plugin does not ask. Where it runs beside this one on such a file
// system, a migration needs the node to be quiet.
package exchange
