package dump

import (
	"bytes"
	"compress/flate"
	"fmt"
	"iter"

	"github.com/leasehold/leasehold/backend"
)

// Keep reads the leases of n to their end, so that to read them later cannot stall or
// fail any more. They can then be read any number of times, and after a
// following call of Next.
//
// They are kept in memory, compressed. To have them as values would take a kilobyte for
// each; a temporary file would need a directory for it, which an image of one program
// lacks.
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

// unpacked returns the leases of the one network that has been compressed.
func unpacked(kept []byte) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		n, err := NewReader(flate.NewReader(bytes.NewReader(kept))).Next()
		if err != nil {
			yield(backend.Lease{}, fmt.Errorf("what was read before: %w", err))
			return
		}
		n.Leases(yield)
	}
}
