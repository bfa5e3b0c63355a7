package bolt

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A record is the value of a lease: its fields, and a checksum over the address
// and the fields. The checksum is what tells a lease from rubbish when a damaged
// store is salvaged.

const (
	checksumLen = 4
	maxRecord   = 8 * backend.MaxNameLen // more than the five texts can take
)

// encode returns the record of l, whose boot has the given number in the bucket
// boots; 0 stands for a boot that is not known.
func encode(l backend.Lease, boot uint64) []byte {
	b := make([]byte, 0, 192)
	b = binary.AppendVarint(b, seconds(l.Since))
	b = binary.AppendUvarint(b, boot)
	for _, s := range texts(&l) {
		b = appendText(b, *s)
	}
	if n := l.Since.Nanosecond(); n > 0 {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return binary.BigEndian.AppendUint32(b, checksum(l.Addr, b))
}

// decode returns the lease of addr from its record, and the number of its boot.
func decode(addr netip.Addr, record []byte) (l backend.Lease, boot uint64, err error) {
	l.Addr = addr
	if len(record) < checksumLen || len(record) > maxRecord {
		return l, 0, errors.New("the record has an impossible length")
	}
	fields, sum := record[:len(record)-checksumLen], record[len(record)-checksumLen:]
	if checksum(addr, fields) != binary.BigEndian.Uint32(sum) {
		return l, 0, errors.New("the record has a wrong checksum")
	}
	r := reader(fields)
	since := r.varint()
	boot = r.uvarint()
	for _, s := range texts(&l) {
		*s = r.text()
	}
	nanoseconds := r.nanoseconds()
	if r == nil || len(r) > 0 {
		return l, 0, errors.New("the record does not end where its fields end")
	}
	l.Since = moment(since, nanoseconds)
	return l, boot, nil
}

// nanoseconds are the last field of a record, which those of whole seconds lack.
func (r *reader) nanoseconds() int64 {
	if len(*r) == 0 {
		return 0
	}
	n := r.uvarint()
	if n == 0 || n >= uint64(time.Second) {
		*r = nil
	}
	return int64(n)
}

// texts lists the fields of a record that are strings, in their order.
func texts(l *backend.Lease) [5]*string {
	return [...]*string{&l.Owner.ContainerID, &l.Owner.IfName, &l.Netns, &l.Pod.Namespace, &l.Pod.Name}
}

// FNV detects every single flipped bit, and bbolt links it already.
func checksum(addr netip.Addr, fields []byte) uint32 {
	h := fnv.New32a()
	h.Write(addrKey(addr)) // a hash never fails
	h.Write(fields)
	return h.Sum32()
}

// In a record, zero seconds, and no nanoseconds, stand for a time that is not known.

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func moment(seconds, nanoseconds int64) time.Time {
	if seconds == 0 && nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, nanoseconds).UTC()
}
