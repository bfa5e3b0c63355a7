package format

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// Names of the buckets that only a shared store has, and of the key in the bucket shared.
var (
	SharedBucket = []byte("shared")
	BlocksBucket = []byte("blocks")
	VacantBucket = []byte("vacant")

	MembershipKey = []byte("membership")
)

// SharedBuckets returns the names of the buckets that a shared store has besides [Buckets].
func SharedBuckets() [3][]byte { return [...][]byte{SharedBucket, BlocksBucket, VacantBucket} }

// AllBuckets returns the names of all buckets that a store can have.
func AllBuckets() [][]byte {
	all, shared := Buckets(), SharedBuckets()
	return append(append(all[:], shared[:]...), PodsBucket)
}

const markLen = len(backend.Mark{})

// EncodeMembership returns the record of a membership: its fields, and a checksum over the key
// and the fields.
func EncodeMembership(m backend.Membership) []byte {
	b := binary.AppendUvarint(nil, m.Sequence)
	b = append(b, m.Incarnation[:]...)
	b = append(b, m.Intent.Mark[:]...)
	b = binary.AppendUvarint(b, m.Seen.Cluster)
	b = binary.AppendVarint(b, m.Seen.Revision)
	b = binary.AppendVarint(b, m.Seen.At)
	for _, s := range membershipTexts(&m) {
		b = appendText(b, *s)
	}
	b = binary.AppendUvarint(b, m.Seen.Recovery)
	b = append(b, m.Seen.Space[:]...)
	return binary.BigEndian.AppendUint32(b, sum(MembershipKey, b))
}

// DecodeMembership decodes the record of a membership.
func DecodeMembership(record []byte) (m backend.Membership, err error) {
	fields, err := checked("membership", MembershipKey, record)
	if err != nil {
		return m, err
	}
	r := reader(fields)
	m.Sequence = r.uvarint()
	m.Incarnation, m.Intent.Mark = r.mark(), r.mark()
	m.Seen = backend.Sighting{Cluster: r.uvarint(), Revision: r.varint(), At: r.varint()}
	for _, s := range membershipTexts(&m) {
		*s = r.text()
	}
	if len(r) > 0 { // Early records end here, or after the next field.
		m.Seen.Recovery = r.uvarint()
	}
	if len(r) > 0 {
		m.Seen.Space = r.mark()
	}
	if r == nil || len(r) > 0 {
		return backend.Membership{}, errors.New("membership has malformed fields")
	}
	return m, nil
}

// membershipTexts returns the text fields of a membership in their order.
func membershipTexts(m *backend.Membership) [8]*string {
	return [...]*string{
		&m.Cluster, &m.Space, &m.Host, &m.Intent.Action, &m.Intent.Boot, &m.Attested, &m.Machine, &m.Stopped,
	}
}

func (r *reader) mark() (m backend.Mark) {
	if len(*r) < markLen {
		*r = nil
		return m
	}
	m = backend.Mark(*r)
	*r = (*r)[markLen:]
	return m
}

// EncodeBlock returns the value of a block, whose key is its first address: the state, the
// mark, the last address, and a checksum over the key and all before.
func EncodeBlock(b backend.Block) []byte {
	v := append([]byte{byte(b.State)}, b.Mark[:]...)
	v = appendAddr(v, b.Last)
	return binary.BigEndian.AppendUint32(v, sum(AddrKey(b.First), v))
}

// DecodeBlock decodes an entry of the bucket blocks.
func DecodeBlock(key, value []byte) (b backend.Block, err error) {
	if b.First, err = ParseAddr(key); err != nil {
		return b, fmt.Errorf("block: %w", err)
	}
	fields, err := checked(fmt.Sprintf("block from %s", b.First), key, value)
	if err != nil {
		return b, err
	}
	if len(fields) < 1+markLen {
		return b, fmt.Errorf("block from %s has malformed fields", b.First)
	}
	b.State, b.Mark = backend.BlockState(fields[0]), backend.Mark(fields[1:])
	if b.Last, err = ParseAddr(fields[1+markLen:]); err != nil {
		return b, fmt.Errorf("block from %s: %w", b.First, err)
	}
	return b, b.Validate()
}

// checked returns the fields of a record that ends in a checksum over its key and fields.
func checked(what string, key, record []byte) (fields []byte, err error) {
	at := len(record) - checksumLen
	if at < 0 || sum(key, record[:at]) != binary.BigEndian.Uint32(record[at:]) {
		return nil, fmt.Errorf("%s has a wrong checksum", what)
	}
	return record[:at], nil
}

// VacantValue is the value in the bucket vacant of a block, whose key is its first address.
func VacantValue(b backend.Block) []byte { return AddrKey(b.Last) }

// DecodeVacant decodes an entry of the bucket vacant: the ends of an open block in which an
// address is free.
func DecodeVacant(key, value []byte) (first, last netip.Addr, err error) {
	r, err := DecodeRun(key, value)
	return r.First, r.Last, err
}
