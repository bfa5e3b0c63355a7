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
	n.Leases = unpacked(kept.Bytes(), func(n *Network) iter.Seq2[backend.Lease, error] { return n.Leases })
	if n.History = nil; n.ended > 0 {
		n.History = unpacked(kept.Bytes(), func(n *Network) iter.Seq2[backend.Ended, error] { return n.History })
	}
	return nil
}

// unpacked returns a part of the compressed network.
func unpacked[T any](kept []byte, part func(*Network) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		n, err := NewReader(flate.NewReader(bytes.NewReader(kept))).Next()
		if err != nil {
			var none T
			yield(none, fmt.Errorf("what is kept in memory: %w", err))
			return
		}
		part(n)(yield)
	}
}
