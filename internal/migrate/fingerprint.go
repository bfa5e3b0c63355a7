package migrate

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

// A fingerprint identifies the content of a store: two stores with the same fingerprint have
// the same leases, cursors, blocks and memory. It has times of leases in seconds, because not all
// file systems keep more.
type fingerprint struct {
	leases  int
	cursors int
	digest  [sha256.Size]byte
	boots   [sha256.Size]byte // digest of the boots of the leases; a files store does not keep them
	memory  [sha256.Size]byte // digest of the history and of what is cooling; likewise
}

func (s fingerprint) String() string {
	return fmt.Sprintf("%d leases, %d cursors, SHA-256 %x", s.leases, s.cursors, s.digest)
}

// A fingerprinter adds leases in ascending order, and then the rest of the content.
type fingerprinter struct {
	result fingerprint
	hash   hash.Hash
	boots  hash.Hash
	ended  hash.Hash
	cool   hash.Hash
	buf    []byte
}

func newFingerprinter() *fingerprinter {
	return &fingerprinter{hash: sha256.New(), boots: sha256.New(), ended: sha256.New(), cool: sha256.New()}
}

func (s *fingerprinter) add(l backend.Lease) {
	s.result.leases++
	s.buf = binary.AppendVarint(s.buf[:0], seconds(l.Since))
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

// withMemory returns c, whose history and cooling addresses are added as they are read.
func (s *fingerprinter) withMemory(c backend.Content) backend.Content {
	c.History = addEach(c.History, s.addEnded)
	c.Cooling = addEach(c.Cooling, s.addCooling)
	return c
}

// addEach returns all, each of which is added as it is read.
func addEach[T any](all iter.Seq2[T, error], add func(T)) iter.Seq2[T, error] {
	if all == nil {
		return nil
	}
	return func(yield func(T, error) bool) {
		for one, err := range all {
			if err == nil {
				add(one)
			}
			if !yield(one, err) {
				return
			}
		}
	}
}

// addEnded adds an ended lease, unless it was forgotten: another store need not have it.
func (s *fingerprinter) addEnded(e backend.Ended) {
	if e.Forgotten() {
		return
	}
	s.buf = binary.AppendVarint(s.buf[:0], seconds(e.Since))
	s.buf = binary.AppendVarint(s.buf, seconds(e.Until))
	s.text(e.Cause.String(), e.Addr.String(), e.Owner.ContainerID, e.Owner.IfName, e.Pod.Namespace, e.Pod.Name)
	s.ended.Write(s.buf)
}

// seconds returns a time as a record of bolt has it: 0 if it is not known, or is the beginning of 1970.
func seconds(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.Unix()
}

func (s *fingerprinter) addCooling(c backend.Cooling) {
	s.buf = s.buf[:0]
	s.text(c.Addr.String(), storekit.CoolingSince(c.Since).String())
	s.cool.Write(s.buf)
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
	s.cool.Write([]byte(c.Policy))
	s.cool.Write(binary.AppendVarint(nil, seconds(c.Gap)))
	s.result.memory = sha256.Sum256(s.cool.Sum(s.ended.Sum(nil)))
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
	c = s.withMemory(c)
	if err := errors.Join(readAll(c.History), readAll(c.Cooling)); err != nil {
		return fingerprint{}, err
	}
	return s.finish(c), nil
}

// readAll reads a sequence, which can be nil, to its end.
func readAll[T any](all iter.Seq2[T, error]) error {
	if all == nil {
		return nil
	}
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}
