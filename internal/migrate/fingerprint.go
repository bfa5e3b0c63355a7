package migrate

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"maps"
	"slices"

	"github.com/leasehold/leasehold/backend"
)

// A fingerprint identifies the content of a store: two stores with the same fingerprint have
// the same leases, cursors and blocks. It has times in seconds, because not all file systems keep more.
type fingerprint struct {
	leases  int
	cursors int
	digest  [sha256.Size]byte
	boots   [sha256.Size]byte // digest of the boots of the leases; a files store does not keep them
}

func (s fingerprint) String() string {
	return fmt.Sprintf("%d leases, %d cursors, SHA-256 %x", s.leases, s.cursors, s.digest)
}

// A fingerprinter adds leases in ascending order, and then the rest of the content.
type fingerprinter struct {
	result fingerprint
	hash   hash.Hash
	boots  hash.Hash
	buf    []byte
}

func newFingerprinter() *fingerprinter {
	return &fingerprinter{hash: sha256.New(), boots: sha256.New()}
}

func (s *fingerprinter) add(l backend.Lease) {
	s.result.leases++
	s.buf = binary.AppendVarint(s.buf[:0], l.Since.Unix())
	s.text(l.Addr.String(), l.Owner.ContainerID, l.Owner.IfName, l.Pod.Namespace, l.Pod.Name, l.Netns)
	s.hash.Write(s.buf) // A hash returns no error.
	s.buf = s.buf[:0]
	s.text(l.Boot)
	s.boots.Write(s.buf)
}

// text writes the length before each field, so that different lists of fields never look the
// same.
func (s *fingerprinter) text(fields ...string) {
	for _, f := range fields {
		s.buf = binary.AppendUvarint(s.buf, uint64(len(f)))
		s.buf = append(s.buf, f...)
	}
}

// finish adds the cursors, and what a shared store has of c, and returns the fingerprint.
func (s *fingerprinter) finish(c backend.Content) fingerprint {
	s.result.cursors = len(c.Cursors)
	s.buf = s.buf[:0]
	for _, set := range slices.Sorted(maps.Keys(c.Cursors)) {
		s.text(set, c.Cursors[set].String())
	}
	if !c.Membership.IsZero() {
		s.text(fmt.Sprint(c.Membership))
	}
	for _, b := range c.Blocks {
		s.text(b.String(), b.State.String(), b.Mark.String())
	}
	s.hash.Write(s.buf)
	s.hash.Sum(s.result.digest[:0])
	s.boots.Sum(s.result.boots[:0])
	return s.result
}

// fingerprintOf returns the fingerprint of a store.
func fingerprintOf(tx backend.ReadTx) (fingerprint, error) {
	c, err := backend.ContentOf(tx)
	if err != nil {
		return fingerprint{}, err
	}
	s := newFingerprinter()
	for l, err := range c.Leases {
		if err != nil {
			return fingerprint{}, err
		}
		s.add(l)
	}
	return s.finish(c), nil
}
