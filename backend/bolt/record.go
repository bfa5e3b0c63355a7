package bolt

import (
	"encoding/binary"
	"errors"
	"hash"
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
	maxRecord   = 8 * backend.MaxNameLen // more than the six texts can take
)

// encode returns the record of l.
func encode(l backend.Lease) []byte {
	b := make([]byte, 0, 192)
	b = binary.AppendVarint(b, seconds(l.Since))
	for _, s := range texts(&l) {
		b = appendText(b, *s)
	}
	return checksum(l.Addr, b).Sum(b)
}

// decode returns the lease of addr from its record.
func decode(addr netip.Addr, record []byte) (backend.Lease, error) {
	l := backend.Lease{Addr: addr}
	if len(record) < checksumLen || len(record) > maxRecord {
		return l, errors.New("the record has an impossible length")
	}
	fields, sum := record[:len(record)-checksumLen], record[len(record)-checksumLen:]
	if checksum(addr, fields).Sum32() != binary.BigEndian.Uint32(sum) {
		return l, errors.New("the record has a wrong checksum")
	}
	r := reader(fields)
	l.Since = moment(r.varint())
	for _, s := range texts(&l) {
		*s = r.text()
	}
	if r == nil || len(r) > 0 {
		return l, errors.New("the record does not end where its fields end")
	}
	return l, nil
}

// texts lists the fields of a record that are strings, in their order.
func texts(l *backend.Lease) []*string {
	return []*string{
		&l.Owner.ContainerID, &l.Owner.IfName, &l.Boot, &l.Netns, &l.Pod.Namespace, &l.Pod.Name,
	}
}

// FNV detects every single flipped bit, and bbolt links it already.
func checksum(addr netip.Addr, fields []byte) hash.Hash32 {
	h := fnv.New32a()
	h.Write(addrKey(addr)) // a hash never fails
	h.Write(fields)
	return h
}

// In a record, zero seconds stand for a time that is not known.

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func moment(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
