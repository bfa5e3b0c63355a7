package salvage

import (
	"errors"
	"fmt"

	"github.com/leasehold/leasehold/backend/bolt/internal/format"
)

// LostMembership says why nothing is leased from a store whose membership could not be read.
const LostMembership = "the membership was lost in a repair"

// readShared reads what only a shared store has. A block that is lost does no harm: the host
// learns from the others that it holds it. But an outdated tree can have a block that the host
// has given back, so what was read is doubted.
func (s *salvager) readShared() {
	if _, ok := s.buckets[string(format.SharedBucket)]; !ok && !s.shared {
		return
	}
	s.lost.Join(s.readBucket(format.SharedBucket, func(_, value []byte) (err error) {
		s.Membership, err = format.DecodeMembership(value)
		return err
	}))
	if s.Membership.IsZero() {
		s.lost.Add(errors.New("the membership"))
		s.Membership.Stopped = LostMembership
	}
	s.Membership = s.Membership.Doubted()
	s.lost.Join(s.readBucket(format.BlocksBucket, func(key, value []byte) error {
		b, err := format.DecodeBlock(key, value)
		if n := len(s.Blocks); err == nil && n > 0 && b.First.Compare(s.Blocks[n-1].Last) <= 0 {
			err = fmt.Errorf("block %s overlaps or precedes the one before", b)
		}
		if err != nil {
			return err
		}
		s.Blocks = append(s.Blocks, b)
		return nil
	}))
}
