package format

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// CountsKey is the key of the counts in the bucket meta.
var CountsKey = []byte("counts")

// counters returns the counts in their order.
func counters(c *backend.Counts) []*uint64 {
	all := []*uint64{&c.Made, &c.Undone}
	for i := range c.Ended {
		all = append(all, &c.Ended[i])
	}
	return all
}

// EncodeCounts returns the value of CountsKey.
func EncodeCounts(c backend.Counts) (b []byte) {
	for _, n := range counters(&c) {
		b = binary.AppendUvarint(b, *n)
	}
	if !c.Gap.IsZero() || !c.Renewed.IsZero() {
		b = binary.AppendVarint(b, seconds(c.Gap))
	}
	if !c.Renewed.IsZero() {
		b = binary.AppendVarint(b, seconds(c.Renewed))
	}
	return b
}

// seconds returns the Unix time; 0 for the zero Time.
func seconds(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.Unix()
}

// timeAt is the inverse of seconds.
func timeAt(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// DecodeCounts is the inverse of EncodeCounts. A missing value has zeros; it ends before times at the end that
// are zero.
func DecodeCounts(value []byte) (c backend.Counts, err error) {
	if value == nil {
		return c, nil
	}
	r := reader(value)
	for _, n := range counters(&c) {
		*n = r.uvarint()
	}
	for _, at := range []*time.Time{&c.Gap, &c.Renewed} {
		if len(r) > 0 {
			*at = timeAt(r.varint())
		}
	}
	if r == nil || len(r) > 0 {
		return backend.Counts{}, fmt.Errorf("meta has malformed counts %x", value)
	}
	return c, nil
}
