package migrate

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"maps"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
)

// A sum stands for all that a store holds: two stores with one sum have the same
// leases and cursors. Of times it has the seconds: not all file systems keep more.
type sum struct {
	leases  int
	cursors int
	digest  [sha256.Size]byte
	boots   [sha256.Size]byte // of the leases; a store of files has none to read back
}

func (s sum) String() string {
	return fmt.Sprintf("%d leases, %d cursors, SHA-256 %x", s.leases, s.cursors, s.digest)
}

// A summer takes leases in ascending order, and then the cursors.
type summer struct {
	sum   sum
	hash  hash.Hash
	boots hash.Hash
	buf   []byte
}

func newSummer() *summer { return &summer{hash: sha256.New(), boots: sha256.New()} }

func (s *summer) add(l backend.Lease) {
	s.sum.leases++
	s.buf = binary.AppendVarint(s.buf[:0], l.Since.Unix())
	s.text(l.Addr.String(), l.Owner.ContainerID, l.Owner.IfName, l.Pod.Namespace, l.Pod.Name, l.Netns)
	s.hash.Write(s.buf) // a hash never fails
	s.buf = s.buf[:0]
	s.text(l.Boot)
	s.boots.Write(s.buf)
}

// text writes its length before each field, so that no two lists of fields look the
// same.
func (s *summer) text(fields ...string) {
	for _, f := range fields {
		s.buf = binary.AppendUvarint(s.buf, uint64(len(f)))
		s.buf = append(s.buf, f...)
	}
}

// finish adds the cursors and returns the sum.
func (s *summer) finish(cursors map[string]netip.Addr) sum {
	s.sum.cursors = len(cursors)
	s.buf = s.buf[:0]
	for _, set := range slices.Sorted(maps.Keys(cursors)) {
		s.text(set, cursors[set].String())
	}
	s.hash.Write(s.buf)
	s.hash.Sum(s.sum.digest[:0])
	s.boots.Sum(s.sum.boots[:0])
	return s.sum
}

// sumIn returns the sum of what a store holds.
func sumIn(tx backend.ReadTx) (sum, error) {
	c, err := backend.ContentOf(tx)
	if err != nil {
		return sum{}, err
	}
	s := newSummer()
	for l, err := range c.Leases {
		if err != nil {
			return sum{}, err
		}
		s.add(l)
	}
	return s.finish(c.Cursors), nil
}
