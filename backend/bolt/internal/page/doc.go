// Package page reads the pages of a bbolt file without bbolt, which trusts what it reads:
// on a corrupt page it panics, loops, or allocates without bound. This package trusts
// nothing that it has not checked. It knows nothing of what a file is used for.
//
// A bbolt file consists of pages of one size. Pages 0 and 1 are meta pages, of which the
// one with the later transaction counts. It refers to the freelist, and to the root: a tree
// of pages whose leaves name the buckets. A bucket is another tree or, while it is small, an
// inline page in its entry in the root. A page can continue in overflow pages after it.
// Numbers are in the byte order of the machine.
//
//   - [Open] reads the meta pages of a [File].
//   - A [Walker] visits all pages of the trees, for a check of everything or a salvage.
//   - A [Checker] checks the few pages that a transaction is about to use.
package page
