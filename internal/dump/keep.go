package dump

import (
	"bytes"
	"compress/flate"
	"fmt"
	"iter"

	"github.com/leasehold/leasehold/backend"
)

// Keep reads all leases of n, so that reading them later cannot block or fail. They can
// then be read any number of times, even after the next call of Next.
//
// They are kept in memory, compressed. As values, each would take a kilobyte; a temporary
// file would need a directory, which an image with a single program lacks.
func (n *Network) Keep() error {
	var kept bytes.Buffer
	to, err := flate.NewWriter(&kept, flate.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := Write(to, n.Name, n.Store, n.Content); err != nil {
		return err
	}
	if err := to.Close(); err != nil {
		return err
	}
	n.Leases = unpacked(kept.Bytes())
	return nil
}

// unpacked returns the leases of the compressed network.
func unpacked(kept []byte) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		n, err := NewReader(flate.NewReader(bytes.NewReader(kept))).Next()
		if err != nil {
			yield(backend.Lease{}, fmt.Errorf("the leases kept in memory: %w", err))
			return
		}
		n.Leases(yield)
	}
}
