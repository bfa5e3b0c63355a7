package format

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leasehold/leasehold/backend"
)

var full = backend.Lease{
	Addr: netip.MustParseAddr("10.88.0.2"),
	Owner: backend.Owner{
		ContainerID: "4f2d9c7be0a1f3d5c6b7a8990123456789abcdef0123456789abcdef01234567",
		IfName:      "eth0",
	},
	Since: time.Unix(1764000000, 0).UTC(),
	Pod:   backend.Pod{Namespace: "kube-system", Name: "coredns-674b8bbfcf-x7k2p"},
	Netns: "/var/run/netns/cni-0b9e6a63-0c77-5d3b-8e51-6f1f0f9c2a11",
}

// The bytes on disk: a change here is a new version of the format.
func TestRecordBytes(t *testing.T) {
	require.Equal(t, "8084a4920d"+ // 1764000000, zigzag
		"07"+ // the seventh boot
		"81014f2d9c7be0a1f3d5c6b7a8990123456789abcdef0123456789abcdef01234567"+ // 32 bytes, packed
		"1065746830"+ // 4 bytes, plain: eth0
		"47000b9e6a630c775d3b8e516f1f0f9c2a11"+ // 17 bytes: path 0, a UUID
		"2c6b7562652d73797374656d"+ // kube-system
		"60636f7265646e732d363734623862626663662d78376b3270"+ // coredns-…
		"2e5840a8", // checksum
		hex.EncodeToString(Encode(full, 7)))

	short := backend.Lease{Addr: full.Addr, Owner: backend.Owner{ContainerID: "id"}, Since: full.Since.Add(987_654_321)}
	require.Equal(t, "8084a4920d"+"00"+"086964"+"00"+"00"+"00"+"00"+
		"b1d1f9d603"+ // 987654321 ns
		"14bc1d79", // checksum
		hex.EncodeToString(Encode(short, 0)))
}

func TestRecordRoundTrip(t *testing.T) {
	// A text can be anything, and is often what the packed forms are for, or nearly.
	texts := rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`[0-9a-f]{0,64}`),
		rapid.StringMatching(`(/var/run/netns/cni-|/run/netns/cni-|/var/run/netns/|/run/netns/|[/a-z]{0,8})[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
		rapid.StringMatching(`[0-9a-f-]{36}`),
	)
	rapid.Check(t, func(t *rapid.T) {
		l := backend.Lease{
			Addr:  netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "addr")}),
			Owner: backend.Owner{ContainerID: texts.Draw(t, "id"), IfName: texts.Draw(t, "ifname")},
			Since: timeOf(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "since"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")),
			Netns: texts.Draw(t, "netns"),
			Pod:   backend.Pod{Namespace: texts.Draw(t, "namespace"), Name: texts.Draw(t, "pod")},
		}
		boot := rapid.Uint64().Draw(t, "boot")
		got, gotBoot, err := Decode(l.Addr, Encode(l, boot))
		require.NoError(t, err)
		require.Equal(t, l, got)
		require.Equal(t, boot, gotBoot)
	})
}

func TestRecordDetectsDamage(t *testing.T) {
	fine := full
	fine.Since = fine.Since.Add(987_654_321)
	detectsDamage(t, Encode(full, 7))
	detectsDamage(t, Encode(fine, 7))
}

func detectsDamage(t *testing.T, record []byte) {
	for i := range record {
		for bit := range 8 {
			record[i] ^= 1 << bit
			_, _, err := Decode(full.Addr, record)
			require.Error(t, err, "bit %d of byte %d", bit, i)
			record[i] ^= 1 << bit
		}
	}
	_, _, err := Decode(full.Addr.Next(), record)
	require.Error(t, err, "the record of another address")
	for n := range record {
		_, _, err := Decode(full.Addr, record[:n])
		require.Error(t, err, "%d bytes", n)
	}
}

// A malformed record with a right checksum is rejected.
func FuzzDecode(f *testing.F) {
	f.Add(Encode(full, 7)[:len(Encode(full, 7))-checksumLen])
	fine := full
	fine.Since = fine.Since.Add(987_654_321)
	f.Add(Encode(fine, 7)[:len(Encode(fine, 7))-checksumLen])
	f.Add([]byte{0})
	f.Add([]byte{0, 4, 'a', 0, 0, 0, 0})
	f.Add([]byte{0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, fields []byte) {
		record := binary.BigEndian.AppendUint32(fields[:len(fields):len(fields)], checksum(full.Addr, fields))
		l, boot, err := Decode(full.Addr, record)
		if err != nil {
			return
		}
		again, bootAgain, err := Decode(full.Addr, Encode(l, boot))
		require.NoError(t, err)
		require.Equal(t, l, again)
		require.Equal(t, boot, bootAgain)
	})
}

// entryOf returns a lease as it is in a file.
func entryOf(l backend.Lease) []byte { return append(AddrKey(l.Addr), Encode(l, 7)...) }

func TestDecodePrefixTakesNothingElseForALease(t *testing.T) {
	unowned := full
	unowned.Owner = backend.Owner{}
	for _, l := range []backend.Lease{unowned, {Addr: netip.MustParseAddr("::ffff:10.0.0.1"), Owner: full.Owner}} {
		_, _, ok := DecodePrefix(entryOf(l))
		require.False(t, ok, "no store holds %v", l)
	}
	fine := full
	fine.Since = fine.Since.Add(987_654_321)
	for _, whole := range [][]byte{entryOf(full), entryOf(fine)} {
		for n := 1; n < len(whole); n++ {
			_, _, ok := DecodePrefix(whole[:n])
			require.False(t, ok, "%d bytes", n)
		}
	}
}
