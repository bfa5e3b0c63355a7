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
	if !c.Gap.IsZero() {
		b = binary.AppendVarint(b, c.Gap.Unix())
	}
	return b
}

// DecodeCounts is the inverse of EncodeCounts. A missing value has zeros; without a Gap, it ends before
// that.
func DecodeCounts(value []byte) (c backend.Counts, err error) {
	if value == nil {
		return c, nil
	}
	r := reader(value)
	for _, n := range counters(&c) {
		*n = r.uvarint()
	}
	if len(r) > 0 {
		c.Gap = time.Unix(r.varint(), 0).UTC()
	}
	if r == nil || len(r) > 0 {
		return backend.Counts{}, fmt.Errorf("meta has malformed counts %x", value)
	}
	return c, nil
}
