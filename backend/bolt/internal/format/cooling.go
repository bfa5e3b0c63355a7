package format

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// The bucket cooling has the time of each cooling address, and the bucket queue has a key for each
// that begins with the time. So one finds an address and the other is in the order of the times.

const timeLen = 8

// CoolingTime returns the value of an address in the bucket cooling: nanoseconds since 1970, with
// the sign bit flipped, so that values sort as times do.
func CoolingTime(since time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(since.UnixNano())^(math.MaxInt64+1))
}

// QueueKey returns the key of a cooling address in the bucket queue, from its value in the bucket
// cooling.
func QueueKey(value []byte, addr netip.Addr) []byte {
	return appendAddr(append(make([]byte, 0, timeLen+maxAddrKey), value...), addr)
}

// DecodeCooling decodes an entry of the bucket cooling.
func DecodeCooling(key, value []byte) (c backend.Cooling, err error) {
	if c.Addr, err = ParseAddr(key); err != nil {
		return c, fmt.Errorf("cooling: %w", err)
	}
	if len(value) != timeLen {
		return c, fmt.Errorf("time of the cooling address %s is %d bytes, want %d", c.Addr, len(value), timeLen)
	}
	c.Since = time.Unix(0, int64(binary.BigEndian.Uint64(value)^(math.MaxInt64+1))).UTC()
	return c, nil
}

// DecodeQueue decodes a key of the bucket queue.
func DecodeQueue(key []byte) (backend.Cooling, error) {
	if len(key) < timeLen {
		return backend.Cooling{}, fmt.Errorf("queue has malformed key %x", key)
	}
	return DecodeCooling(key[timeLen:], key[:timeLen])
}
