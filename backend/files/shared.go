package files

import (
	"iter"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

// A files store cannot be shared by several hosts: the stock plugin, which may use the
// directory, too, leases from the whole range.

// Membership implements [backend.ReadTx]. It is always zero.
func (t *tx) Membership() (backend.Membership, error) { return backend.Membership{}, t.usable() }

// Blocks implements [backend.ReadTx]. It yields nothing: the store cannot be shared.
func (t *tx) Blocks(from netip.Addr) iter.Seq2[backend.Block, error] {
	return func(yield func(backend.Block, error) bool) { storekit.NoBlocks(t.usable(), from)(yield) }
}
