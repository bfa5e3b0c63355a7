package format

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
)

const (
	checksumLen = 4

	// MaxRecord is more bytes than a record can have with its five texts.
	MaxRecord = 8 * backend.MaxNameLen
)

// Encode returns the record of a lease: its fields, and a checksum over the address and
// the fields. The checksum is what identifies a lease when a corrupt store is salvaged.
//
// boot is the number of the lease's boot in the bucket boots; 0 is an unknown boot.
func Encode(l backend.Lease, boot uint64) []byte {
	b := make([]byte, 0, 192)
	b = binary.AppendVarint(b, unixSeconds(l.Since))
	b = binary.AppendUvarint(b, boot)
	for _, s := range texts(&l) {
		b = appendText(b, *s)
	}
	if n := l.Since.Nanosecond(); n > 0 {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return binary.BigEndian.AppendUint32(b, checksum(l.Addr, b))
}

// Decode returns the lease of addr from its record, without the name of its boot, and the
// number of the boot.
func Decode(addr netip.Addr, record []byte) (l backend.Lease, boot uint64, err error) {
	l.Addr = addr
	if len(record) < checksumLen || len(record) > MaxRecord {
		return l, 0, fmt.Errorf("record is %d bytes, want %d to %d", len(record), checksumLen, MaxRecord)
	}
	fields, sum := record[:len(record)-checksumLen], record[len(record)-checksumLen:]
	if checksum(addr, fields) != binary.BigEndian.Uint32(sum) {
		return l, 0, errors.New("record has a wrong checksum")
	}
	r := reader(fields)
	since := r.varint()
	boot = r.uvarint()
	for _, s := range texts(&l) {
		*s = r.text()
	}
	nanoseconds := r.nanoseconds()
	if r == nil || len(r) > 0 {
		return l, 0, errors.New("record has malformed fields")
	}
	l.Since = timeOf(since, nanoseconds)
	return l, boot, nil
}

// nanoseconds reads the last field, which a record of whole seconds lacks.
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

// texts returns the text fields of a record in their order.
func texts(l *backend.Lease) [5]*string {
	return [...]*string{&l.Owner.ContainerID, &l.Owner.IfName, &l.Netns, &l.Pod.Namespace, &l.Pod.Name}
}

// checksum is FNV-1a, which detects every single flipped bit, and which bbolt links already.
func checksum(addr netip.Addr, fields []byte) uint32 { return sum(AddrKey(addr), fields) }

// sum returns the checksum over the key and the fields of a record.
func sum(key, fields []byte) uint32 {
	h := fnv.New32a()
	h.Write(key) // a hash never fails
	h.Write(fields)
	return h.Sum32()
}

// In a record, zero seconds without nanoseconds are an unknown time.

func unixSeconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func timeOf(seconds, nanoseconds int64) time.Time {
	if seconds == 0 && nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, nanoseconds).UTC()
}
